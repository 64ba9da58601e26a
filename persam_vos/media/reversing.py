"""Frames of a video from a given one back to the first, in memory that does not grow."""

from __future__ import annotations

import contextlib
import zlib
from array import array
from collections import deque
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Protocol

from ..errors import MediaError
from ..structures import Frame, SourceInfo
from .frame_numbers import no_such_frame
from .seeking import RUN_UPS

FRAMES_HELD = 64
"""Frames of a stretch: with fewer, more of them are decoded twice; more gain little."""
BYTES_HELD = 256 << 20
"""A stretch is shorter where pictures are large: 43 frames at 1080p, 10 at 4K."""
FEWEST_HELD = 4


class Seekable(Protocol):
    """What `reversed_frames` asks of a source."""

    @property
    def info(self) -> SourceInfo:
        """Facts about the video."""

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from ``start`` on, by reading from the first one."""

    def frames_near(self, start: int, fingerprints: Fingerprints, run_up: int) -> Iterator[Frame]:
        """Yield what seems to be the frames from ``start`` on, by a seek ``run_up`` before it."""


class Fingerprints:
    """Tell frames of a video apart: by the time and a checksum of each, 12 bytes a frame."""

    def __init__(self) -> None:
        self.seconds = array("d")
        self._checksums = array("I")

    def __len__(self) -> int:
        return len(self.seconds)

    def add(self, frame: Frame) -> None:
        """Add the next frame."""
        self.seconds.append(frame.time_seconds)
        self._checksums.append(zlib.crc32(frame.image.data))

    def match(self, frame: Frame) -> bool:
        """Whether this is the frame that was added under its index."""
        same_time = self.seconds[frame.index] == frame.time_seconds
        return same_time and self._checksums[frame.index] == zlib.crc32(frame.image.data)


def reversed_frames(source: Seekable, until: int) -> Iterator[Frame]:
    """Yield the frames of a video from ``until`` back to 0, pixel for pixel as read forwards.

    The video is read once up to there, for fingerprints of its frames; then stretch by stretch, the
    last one first, each from a key frame before it. A stretch that does not match its fingerprints,
    since the file cannot be sought in or the seek went wrong, is read from the first frame on:
    slower, but never wrong. Raises MediaError where the video breaks off or ends before ``until``.
    """
    held = frames_held(source.info)
    fingerprints = Fingerprints()
    stretch: deque[Frame] = deque(maxlen=held)
    for frame in islice(source.frames(), until + 1):
        fingerprints.add(frame)
        stretch.append(frame)
    if len(fingerprints) <= until:
        raise no_such_frame(source.info.path, until, len(fingerprints))
    while stretch:
        first = stretch[0].index
        while stretch:
            yield stretch.pop()
        stretch.extend(_read(source, max(0, first - held), first, fingerprints))


def frames_held(info: SourceInfo) -> int:
    """Return how many pictures of a source are in memory at once."""
    height, width = info.size_hw
    return max(FEWEST_HELD, min(FRAMES_HELD, BYTES_HELD // (3 * height * width)))


def _read(source: Seekable, first: int, end: int, fingerprints: Fingerprints) -> list[Frame]:
    """Read the frames from ``first`` to before ``end``, none if there are none between."""
    count = end - first
    for run_up in RUN_UPS:
        if run_up >= first:
            break
        with contextlib.suppress(MediaError):
            frames = source.frames_near(first, fingerprints, run_up)
            stretch = list(takewhile(fingerprints.match, islice(frames, count)))
            if len(stretch) == count:
                return stretch
    return list(islice(source.frames(), first, end))
