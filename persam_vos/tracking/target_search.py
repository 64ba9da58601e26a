"""Find the frame of a video in which a target shows first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass

from ..structures import Frame, LabelMap
from ..targets.find import Found

STRIDE = 8
"""Every so many frames one is looked at, until the target is found or the video ends."""

OnLook = Callable[[int], None]
"""Called after each frame that was looked at, with their number so far."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What came of the search for a target; produced by `search_target`, consumed by reports.

    ``object_ids`` were found on ``frame``, where tracking starts; none, if the target shows on no
    frame: then ``frame`` is the one that looked most like it. ``confidence``, by object id, is how
    sure it is, in [0, 1], that an object shows there. ``looked_at`` counts the frames that were
    looked at.
    """

    frame: int
    object_ids: tuple[int, ...]
    confidence: Mapping[int, float]
    looked_at: int


def search_target(
    read: Callable[[], Generator[Frame, None, None]],
    look: Callable[[Frame], Found],
    on_look: OnLook | None = None,
) -> tuple[Sighting, LabelMap]:
    """Find the first frame that shows the target; its labels (H, W) come with it.

    Every eighth frame is looked at, in order. Where one shows the target, those that were skipped
    before it are looked at in order. If none does, all the others are, in a second reading:
    ``read`` gives the frames in order, each time anew.
    """
    search = _Search(look, on_look)
    skipped: list[Frame] = []
    with closing(read()) as frames:
        for number, frame in enumerate(frames):
            if number % STRIDE:
                skipped.append(frame)
            elif search.shows(frame):
                any(search.shows(earlier) for earlier in skipped)
                return search.result()
            else:
                skipped.clear()
    with closing(read()) as frames:
        for number, frame in enumerate(frames):
            if number % STRIDE and search.shows(frame):
                break
    return search.result()


class _Search:
    """Looks at frames, and remembers the one that counts: see `Sighting`."""

    def __init__(self, look: Callable[[Frame], Found], on_look: OnLook | None) -> None:
        self._look, self._on_look = look, on_look
        self._count = 0
        self._nearest: tuple[Frame, Found] | None = None

    def shows(self, frame: Frame) -> bool:
        """Look at a frame: does it show the target?"""
        found = self._look(frame)
        self._count += 1
        if self._on_look is not None:
            self._on_look(self._count)
        shown, nearest = bool(found.object_ids), self._nearest and self._nearest[1]
        if nearest is None or shown or (not nearest.object_ids and found.sure > nearest.sure):
            self._nearest = (frame, found)
        return shown

    def result(self) -> tuple[Sighting, LabelMap]:
        """Return what came of it; a frame at least was looked at."""
        assert self._nearest is not None
        frame, found = self._nearest
        sighting = Sighting(frame.index, found.object_ids, found.confidence, self._count)
        return sighting, found.labels


def in_words(sighting: Sighting) -> str:
    """Say in a line what came of the search."""
    shown = sighting.object_ids or sighting.confidence
    sure = ", ".join(f"object {i} {_percent(sighting.confidence[i])} sure" for i in sorted(shown))
    looked = f"{sighting.looked_at} frames looked at"
    if sighting.object_ids:
        return f"found on frame {sighting.frame} ({sure}; {looked}): tracking starts there"
    return (
        f"not in this video, all masks are empty; most like it was frame {sighting.frame} "
        f"({sure}; {looked})"
    )


def _percent(confidence: float) -> str:
    """Write a confidence; none is beyond doubt."""
    return f"{min(confidence, 0.999):.1%}"
