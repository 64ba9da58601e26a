"""From the packets of a video stream to its pictures: what is damaged is passed over and told."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MediaError
from .container import reason
from .file_end import missing_end

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


NO_PICTURE_BYTES = 8
"""A packet that is not larger says that the picture before it stays."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture; produced by `decoded`, consumed by the video reader.

    ``pts`` is its time stamp in units of the stream and ``duration`` how long it is shown, None
    where nobody says. A ``damaged`` one has errors in it; where nothing could be decoded, it is a
    copy of the picture before it.
    """

    frame: VideoFrame
    pts: int | None
    duration: int | None = None
    damaged: bool = False


def decoded(
    path: Path | None, container: InputContainer, stream: VideoStream, *, before: int = 0
) -> Iterator[Picture]:
    """Yield the pictures of a stream in order of presentation, of which ``before`` are passed.

    What cannot be decoded before the first picture is passed over: cut streams often begin so. A
    picture that fails after it comes as a damaged copy of the one before, so that those after it
    keep their numbers. Raises MediaError, after the last picture, where the file at ``path`` was
    cut short or cannot be read on; without a path, a stream ends where it ends.
    """
    packets, pictures, count = _Packets(container, stream), _Pictures(stream), before
    for packet in packets:
        for picture in pictures.of(packet):
            yield picture
            count += 1
    cut = packets.cut or (missing_end(path) if path is not None else None)
    if cut is not None and count:
        raise broken(container.name.removeprefix("file:"), count, stream, cut)


def picture_stamps(
    container: InputContainer, stream: VideoStream, first: int | None
) -> Sequence[int | None]:
    """Return the time stamps of the pictures of a stream from ``first`` on, without decoding them.

    Rising; all of them None where ``first`` is. What `decoded` yields has the same, one by one,
    where every packet has a picture.
    """
    stamps = [
        packet.pts
        for packet in _Packets(container, stream)
        if packet is not None and is_shown(packet)
    ]
    if first is None:
        return [None] * len(stamps)
    return sorted(pts for pts in stamps if pts is not None and pts >= first)


def is_shown(packet: Packet[VideoStream]) -> bool:
    """Whether a packet holds a picture to show: not just a reference, or "as before"."""
    if packet.is_discard or packet.size <= NO_PICTURE_BYTES:
        return False
    # VP8 says so in the fifth bit (RFC 6386, 9.1).
    return packet.stream.codec_context.name != "vp8" or bool(bytes(packet)[0] >> 4 & 1)


@dataclass(slots=True)
class _Packets:
    """The packets of a stream, and None after the last; ``cut`` says why they ended too early."""

    container: InputContainer
    stream: VideoStream
    cut: str | None = None

    def __iter__(self) -> Iterator[Packet[VideoStream] | None]:
        import av

        part: Packet[VideoStream] | None = None
        try:
            for packet in self.container.demux(self.stream):
                if not packet.size:  # at the end; null packets, which repeat a picture, never come
                    continue
                if part is not None:
                    yield part
                part = packet if packet.is_corrupt else None
                if part is None:
                    yield packet
        except av.FFmpegError as error:
            self.cut = reason(error)
        if part is not None:  # of a packet that is not whole, nobody wants to see the rest
            self.cut = self.cut or "the file ends in the middle of one"
        yield None


@dataclass(slots=True)
class _Pictures:
    """Decodes packets, and notices which of them gave no picture though they should."""

    stream: VideoStream
    last: VideoFrame | None = None
    failures: int = 0
    exact: bool = True
    """Whether every picture so far had the time stamp of a packet."""
    waiting: list[int] = field(default_factory=list)
    """Time stamps of packets whose pictures have not come out yet, a heap."""

    def of(self, packet: Packet[VideoStream] | None) -> Iterator[Picture]:
        """Yield the pictures that a packet completes; None stands for the end of the stream."""
        import av

        if packet is not None and packet.pts is not None and is_shown(packet):
            heapq.heappush(self.waiting, packet.pts)
        try:
            frames = self.stream.codec_context.decode(packet)
        except av.FFmpegError:
            # What a failed end holds back does not come: those pictures keep their numbers.
            frames = []
            self.failures += 1 if packet is not None else len(self.waiting)
        if self.last is None and not frames:
            self.failures = 0
            return
        for frame in frames:
            if frame.pts is not None:
                yield from self._lost(frame.pts)
            self.last = frame
            yield Picture(frame, frame.pts, frame.duration or None, damaged=frame.is_corrupt)
        if packet is None:
            yield from self._lost(math.inf)

    def _lost(self, until: float) -> Iterator[Picture]:
        """Yield what stands for failed pictures before a time stamp; forget what has come.

        Some decoders fail silently: where time stamps are those of packets, one that is left out
        tells. Before the first picture nothing is missed.
        """
        stamp = None
        while self.waiting and self.waiting[0] <= until:
            stamp = heapq.heappop(self.waiting)
            failed = self.failures > 0 or self.exact
            if stamp != until and failed and self.last is not None:
                self.failures = max(0, self.failures - 1)
                yield Picture(self.last, stamp, damaged=True)
        self.exact &= stamp == until or until == math.inf


def broken(path: str, count: int, stream: VideoStream, why: str) -> MediaError:
    """Say where a stream broke off."""
    expected = f"{stream.frames} frames" if stream.frames else "a whole video"
    return MediaError(
        path,
        got=f"{count} frames ({why})",
        expected=expected,
        remedy="the frames before it are good; copy or export the video again for the rest",
    )
