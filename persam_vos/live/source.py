"""One door to every live source."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction

from ..errors import MediaError, param
from .address import STDIN, camera_number
from .camera import camera_frames
from .capture import Captured
from .mjpeg import START, mjpeg_frames
from .raw import raw_frames
from .settings import LiveSettings
from .stream import address_frames, stdin_stream_frames


def live_frames(source: str, settings: LiveSettings) -> Iterator[Captured]:
    """Yield the frames of a live source as they arrive; nothing is opened before the first.

    On stdin come raw frames, if ``settings.raw`` says so; else JPEG files one after another, or any
    container that FFmpeg reads as a stream. Raises MediaError.
    """
    number = camera_number(source)
    if number is not None:
        return camera_frames(number)
    if source != STDIN:
        return address_frames(source, settings.stall_timeout)

    def read(count: int) -> bytes:
        return os.read(settings.stdin, count)

    rate = None if settings.rate is None else Fraction(settings.rate).limit_denominator(1001)
    if settings.raw is not None:
        return raw_frames(read, settings.raw, rate)
    return _sniffed(read, rate, settings.stall_timeout)


def _sniffed(
    read: Callable[[int], bytes], rate: Fraction | None, timeout: float
) -> Iterator[Captured]:
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
    if head.startswith(START):
        yield from mjpeg_frames(rest, rate)
    else:
        yield from stdin_stream_frames(rest, timeout)


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
