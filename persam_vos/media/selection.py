"""A part of a source: some of its frames, with the numbers and times that they have in it."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MediaError, UsageError, param
from ..structures import Frame, SourceInfo

if TYPE_CHECKING:
    from .reader import Source

Place = int | str
"""A frame by its index from 0, or a time as ``hh:mm:ss.fff``, ``mm:ss`` or ``12.5s``."""
_AFTER = 0.001  # seconds: times are given and stored to milliseconds
_TIMECODE = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which frames of a source are wanted; produced by `TrackRequest`, consumed by `select`.

    ``start`` and ``end`` are the first and the last of them; a time stands for the first frame that
    begins at it or later, and the last that begins at it or earlier. ``stride`` takes every so
    many. Raises UsageError for what is no frame or time.
    """

    start: Place | None = None
    end: Place | None = None
    stride: int = 1

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            place = getattr(self, name)
            if isinstance(place, str):
                seconds_of(place, name)
            elif place is not None and place < 0:
                raise UsageError(param(name), got=f"{place}", expected="a frame, counted from 0")
        if self.stride < 1:
            raise UsageError(param("stride"), got=f"{self.stride}", expected="1 or more")


def seconds_of(timecode: str, name: str) -> float:
    """Return a time in seconds; raises UsageError for what is none.

    >>> seconds_of("01:02:03.5", "start"), seconds_of("2:05", "start"), seconds_of("12.5s", "end")
    (3723.5, 125.0, 12.5)
    """
    match = _TIMECODE.fullmatch(timecode.removesuffix("s"))
    if match is None or not (":" in timecode or timecode.endswith("s")):
        raise UsageError(
            param(name),
            got=repr(timecode),
            expected="a frame such as 40, or a time such as 00:01:30.500, 1:30 or 90s",
        )
    hours, minutes, seconds = match.groups()
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds)


def select(source: Source, selection: Selection) -> Source:
    """Return the wanted part of a source, itself if that is all of it.

    Raises MediaError where no frame is in it.
    """
    if selection == Selection():
        return source
    first, last = _first(source, selection.start), _last(source, selection.end)
    count = source.info.frame_count
    if count is not None:
        last = count - 1 if last is None else min(last, count - 1)
    if last is not None and last < first:
        raise MediaError(
            source.info.path,
            got=f"no frame from {selection.start or 0} to {selection.end or 'the end'}",
            expected=f"a part of its {'' if count is None else f'{count} '}frames",
            remedy="count frames from 0, or give times within the video",
        )
    stop = _ENDLESS if last is None else last + 1
    return SelectedSource(source, range(first, stop, selection.stride))


class SelectedSource:
    """Some frames of a source, with the indices, names and times that they have there."""

    def __init__(self, source: Source, wanted: range) -> None:
        self._source, self._wanted = source, wanted
        self.info: SourceInfo = replace(
            source.info,
            frame_count=None if wanted.stop == _ENDLESS else len(wanted),
            first_frame=wanted.start,
            stride=wanted.step,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the source."""
        return self._source.warnings

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the source reads."""
        return self._source.files

    def index_of(self, name: str) -> int | None:
        """Return the index of the frame of that name in the source, None where there is none."""
        return self._source.index_of(name)

    def names_of(self, number: int) -> dict[int, str]:
        """Return the names that are this number, by the indices of their frames."""
        return self._source.names_of(number)

    def index_at(self, seconds: float) -> int:
        """Return the index of the first frame of the source that begins then or later."""
        return self._source.index_at(seconds)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames(self._wanted.start)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the wanted frames from ``start`` on; raises MediaError as the source does."""
        with closing(self._source.frames(max(start, self._wanted.start))) as frames:
            for frame in frames:
                if frame.index >= self._wanted.stop:
                    return
                if frame.index in self._wanted:
                    yield frame

    def frames_reversed(self, until: int) -> Iterator[Frame]:
        """Yield the wanted frames from ``until`` back to the first; raises MediaError likewise."""
        for frame in self._source.frames_reversed(until):
            if frame.index < self._wanted.start:
                return
            if frame.index in self._wanted:
                yield frame


_ENDLESS = 1 << 62


def _first(source: Source, place: Place | None) -> int:
    return source.index_at(seconds_of(place, "start")) if isinstance(place, str) else place or 0


def _last(source: Source, place: Place | None) -> int | None:
    """Return the last frame that begins at a time or earlier: before the first that is later."""
    if not isinstance(place, str):
        return place
    return source.index_at(seconds_of(place, "end") + _AFTER) - 1
