"""One video with its progress, for `track` and `demo`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .options import EngineOptions, load_engine
from .progress import Console

if TYPE_CHECKING:
    from persam_vos import TrackRequest, TrackSummary
    from persam_vos.api import TrackStart


def track_one(console: Console, request: TrackRequest, engine: EngineOptions) -> TrackSummary:
    """Track with progress on ``console``; the input is checked before weights are fetched."""
    from persam_vos import track_to_folder
    from persam_vos.tracking.target_search import in_words

    said: set[str] = set()

    def warn(told: Iterable[str]) -> None:
        for warning in told:
            if warning not in said:
                console.warn(warning)
                said.add(warning)

    with console.frames() as progress:

        def start(begun: TrackStart) -> None:
            warn(begun.warnings)
            if begun.engine.encoding.warning:
                console.warn(begun.engine.encoding.warning)
            if begun.sighting is not None:
                console.say(in_words(begun.sighting))
            progress.start(about(begun), begun.frame_count)

        def look(count: int) -> None:
            if count == 1:
                progress.start("looking for the target", None)
            progress.advance()

        summary = track_to_folder(
            request,
            engine=lambda: load_engine(console, engine),
            on_start=start,
            on_look=look,
            on_frame=lambda _: progress.advance(),
            on_export=lambda name, count: progress.start(f"export {name}", count),
            on_export_frame=progress.advance,
        )
    warn(summary.warnings)
    return summary


def about(begun: TrackStart) -> str:
    """Say for a bar how many objects are tracked on what."""
    count = len(begun.reference.object_ids)
    objects = "1 object" if count == 1 else f"{count} objects"
    return f"{objects}, {begun.engine.compute.describe()}"
