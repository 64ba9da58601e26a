"""Find the frame of a video in which a target shows first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from ..stages.prompts import box_of
from ..structures import Frame, LabelMap
from ..targets.find import Found

STRIDE = 8
"""Every so many frames one is looked at, until the target is found or the video ends."""

_SAME_PLACE = 0.25
"""IoU of the boxes of an object on two frames in a row, from which it is one and the same."""
_Pair = tuple[Frame, Frame | None]
"""A frame, and the one after it if there is one."""
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

    A frame shows an object if it is found on it and on the next one, near the same place: what
    merely looks like it seldom does so for long. Every eighth frame is looked at, in order. From
    the first that shows the target the search goes back as long as frames show it: what was found
    elsewhere before is something else. If none does, all the others are looked at, in a second
    reading: ``read`` gives the frames in order, each time anew.
    """
    search = _Search(look, on_look)
    skipped: list[_Pair] = []
    with closing(read()) as frames:
        for number, pair in enumerate(_with_next(frames)):
            if number % STRIDE:
                skipped.append(pair)
            elif search.shows(*pair):
                all(search.shows(*earlier) for earlier in reversed(skipped))
                return search.result()
            else:
                skipped.clear()
    with closing(read()) as frames:
        for number, pair in enumerate(_with_next(frames)):
            if number % STRIDE and search.shows(*pair):
                break
    return search.result()


def _with_next(frames: Iterable[Frame]) -> Iterator[_Pair]:
    """Pair each frame with the one after it, the last with None."""
    remaining = iter(frames)
    frame = next(remaining, None)
    while frame is not None:
        following = next(remaining, None)
        yield frame, following
        frame = following


class _Search:
    """Looks at frames, at each once, and remembers the one that counts: see `Sighting`."""

    def __init__(self, look: Callable[[Frame], Found], on_look: OnLook | None) -> None:
        self._look, self._on_look = look, on_look
        self._seen: dict[int, Found | None] = {}  # by frame; None where nothing was found
        self._nearest: tuple[int, Found] | None = None
        self._start: tuple[int, Found, tuple[int, ...]] | None = None

    def shows(self, frame: Frame, following: Frame | None) -> bool:
        """Tell whether a frame shows the target; the last that was asked for is where to start."""
        found = self._at(frame)
        if found is None:
            return False
        again = found if following is None else self._at(following)
        shown = tuple(i for i in found.object_ids if again is not None and _near(i, found, again))
        if shown:
            self._start = (frame.index, found, shown)
        return bool(shown)

    def result(self) -> tuple[Sighting, LabelMap]:
        """Return what came of it; a frame at least was looked at."""
        assert self._nearest is not None
        index, found, shown = self._start or (*self._nearest, ())
        labels = np.where(np.isin(found.labels, shown), found.labels, 0).astype(np.uint8)
        return Sighting(index, shown, found.confidence, len(self._seen)), labels

    def _at(self, frame: Frame) -> Found | None:
        """Look at a frame, if that was not done; None if nothing is found there."""
        if frame.index not in self._seen:
            found = self._look(frame)
            self._seen[frame.index] = found if found.object_ids else None
            if self._on_look is not None:
                self._on_look(len(self._seen))
            if self._nearest is None or found.sure > self._nearest[1].sure:
                self._nearest = (frame.index, found)
        return self._seen[frame.index]


def _near(object_id: int, one: Found, other: Found) -> bool:
    """Tell whether two frames show an object at about the same place: by the IoU of its boxes."""
    boxes = [box_of(found.labels == object_id) or (0, 0, -1, -1) for found in (one, other)]
    corners = np.array(boxes) + np.array((0, 0, 1, 1))  # no pixel where it is not found
    areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    shared_xy = corners[:, 2:].min(0) - corners[:, :2].max(0)
    shared = np.prod(shared_xy.clip(0))
    return bool(shared > 0 and shared >= _SAME_PLACE * (areas.sum() - shared))


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
