"""One door to every live source."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from ..errors import MediaError, param
from .address import camera_number
from .camera import camera_frames
from .capture import Captured
from .mjpeg import START, mjpeg_frames
from .raw import raw_frames
from .request import LiveRequest
from .stream import address_frames, stdin_stream_frames


def live_frames(request: LiveRequest) -> Iterator[Captured]:
    """Yield the frames of a live source as they arrive; nothing is opened before the first.

    On stdin come raw frames, if ``raw`` says so; else JPEG files one after another, or any
    container that FFmpeg reads as a stream. Raises MediaError.
    """
    number = camera_number(request.source)
    if number is not None:
        return camera_frames(number)
    if not request.reads_stdin:
        return address_frames(request.source, request.stall_timeout)
    return _stdin_frames(request)


def _stdin_frames(request: LiveRequest) -> Iterator[Captured]:
    def read(count: int) -> bytes:
        return os.read(request.stdin, count)

    if request.raw is not None:
        return raw_frames(read, request.raw_format())
    return _sniffed(read, request.stall_timeout)


def _sniffed(read: Callable[[int], bytes], timeout: float) -> Iterator[Captured]:
    """Tell JPEG files from containers by the first bytes, and yield the frames of either."""
    head = b""
    while len(head) < len(START) and (part := read(4096)):
        head += part
    if not head:
        raise MediaError(
            "stdin",
            got="nothing",
            expected=f"a video stream, JPEG files, or raw frames with {param('raw')}",
            remedy="check the program that is to write it",
        )
    rest = _after(head, read)
    yield from mjpeg_frames(rest) if head.startswith(START) else stdin_stream_frames(rest, timeout)


def _after(head: bytes, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Return what reads the bytes of ``head`` first, and then those of ``read``."""
    left = bytearray(head)

    def read_on(count: int) -> bytes:
        if not left:
            return read(count)
        part = bytes(left[:count])
        del left[:count]
        return part

    return read_on
