"""What to say of a frame number that a source does not have."""

from __future__ import annotations

from ..errors import MediaError


def no_such_frame(path: str, index: int, count: int) -> MediaError:
    """Say that a source of ``count`` frames has none of that ``index``, which counts from 0."""
    return MediaError(
        f"{path}, frame {index}",
        got=f"{count} frame{'s' if count > 1 else ''}",
        expected=f"a frame from 0 to {count - 1}",
        remedy="count frames from 0, as the masks are named and track.json does",
    )
