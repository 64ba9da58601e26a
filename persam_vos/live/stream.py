"""Frames of a stream that FFmpeg demuxes: from an address, or from standard input."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, TYPE_CHECKING

from ..errors import MediaError
from ..media.container import average_rate, reason, video_stream
from ..media.picture import orientation_of, to_rgb
from ..media.video_reader import Times
from ..structures import RgbImage
from .address import PROTOCOLS, shown_name, stalled
from .capture import Captured, StreamFacts

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_NO_PROTOCOL = "none"
"""A list of protocols without any: what comes on stdin may open nothing else."""
_OPENING = {
    "analyzeduration": "1000000",  # microseconds; FFmpeg's 5 s are long to wait for a first frame
    "rtsp_flags": "prefer_tcp",  # UDP loses packets, and many firewalls keep it out
}


def address_frames(address: str, timeout: float) -> Iterator[Captured]:
    """Yield the frames that an address sends, as they arrive.

    ``timeout`` in seconds holds for opening, and for each wait after that. Raises MediaError where
    there is no such stream, or it breaks off.
    """
    name = shown_name(address)
    scheme = address.partition("://")[0].lower()
    options = {**_OPENING, "protocol_whitelist": PROTOCOLS[scheme]}
    with _opened(name, address, options, timeout) as container:
        yield from _frames(name, container, timeout)


def stdin_stream_frames(
    read: Callable[[int], bytes], timeout: float, *, name: str = "stdin"
) -> Iterator[Captured]:
    """Yield the frames of a container that ``read`` returns piece by piece, as they arrive.

    MPEG-TS, Matroska and others that need no seeking. Raises MediaError for what is no such stream.
    """
    options = {**_OPENING, "protocol_whitelist": _NO_PROTOCOL}
    with _opened(name, _Readable(read), options, timeout) as container:
        yield from _frames(name, container, timeout)


class _Readable:
    """What PyAV reads from; without a method to seek it takes it for a stream."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read


@contextlib.contextmanager
def _opened(
    name: str, file: str | _Readable | IO[bytes], options: dict[str, str], timeout: float
) -> Iterator[InputContainer]:
    import av

    try:
        container = av.open(
            file, mode="r", options=options, timeout=timeout, metadata_errors="replace"
        )
    except av.error.ExitError as error:
        raise stalled(name, timeout) from error
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(
            name,
            got=f"a source that does not open as a video stream ({reason(error)})",
            expected="one that sends, such as RTSP, MPEG-TS, Matroska or MJPEG",
            remedy="check that it runs and can be reached",
        ) from error
    with container:
        yield container


def _frames(name: str, container: InputContainer, timeout: float) -> Iterator[Captured]:
    import av

    stream = video_stream(name, container, None)
    # Threads that each decode a frame of their own would hold back as many frames.
    stream.thread_type = "SLICE"
    times, count = Times(stream), 0
    try:
        for packet in container.demux(stream):
            arrived = time.perf_counter()
            # Streams lose packets: what cannot be decoded is passed over.
            for picture in _decoded(stream, packet):
                facts = StreamFacts(
                    average_rate(stream), stream.codec_context.codec.name, picture.format.name
                )
                seconds = times.of(picture.pts)
                yield Captured(count, seconds, arrived, facts, partial(_upright, picture))
                count += 1
    except av.error.ExitError as error:
        raise stalled(name, timeout) from error
    except av.FFmpegError as error:
        raise MediaError(
            name,
            got=f"{count} frames, then it broke off ({reason(error)})",
            expected="a stream that goes on, or ends",
            remedy="check the source and its connection, and start again",
        ) from error


def _decoded(stream: VideoStream, packet: Packet[VideoStream]) -> list[VideoFrame]:
    """Return the pictures that a packet completes, none where it cannot be decoded."""
    import av

    try:
        return stream.codec_context.decode(packet)
    except av.FFmpegError:
        return []


def _upright(picture: VideoFrame) -> RgbImage:
    return orientation_of(picture).apply(to_rgb(picture))
