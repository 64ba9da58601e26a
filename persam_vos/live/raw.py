"""Raw frames: pixels one after another, as `ffmpeg -f rawvideo` writes them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Literal, cast, get_args

import numpy as np

from ..errors import MediaError, UsageError, param
from ..media.container import FALLBACK_RATE
from ..media.picture import to_rgb
from ..structures import RgbImage
from .capture import Captured, Clock, StreamFacts

PixelFormat = Literal["rgb24", "bgr24", "gray", "yuv420p"]
_BYTES = {
    "rgb24": Fraction(3),
    "bgr24": Fraction(3),
    "gray": Fraction(1),
    "yuv420p": Fraction(3, 2),
}
_LARGEST_SIDE = 16_384
_SYNTAX = re.compile(r"(\d+)x(\d+):(\w+)")


@dataclass(frozen=True, slots=True)
class RawFormat:
    """How raw frames lie in their bytes: rows from the top, without padding.

    rgb24, bgr24 and gray have their pixels one after another; yuv420p has the planes Y, U and V of
    BT.601 in limited range.

    >>> RawFormat.parse("640x480:rgb24").frame_bytes
    921600
    """

    width: int
    height: int
    pixel_format: PixelFormat

    @classmethod
    def parse(cls, text: str) -> RawFormat:
        """Read ``WIDTHxHEIGHT:PIXELS``; raises UsageError for anything else."""
        match = _SYNTAX.fullmatch(text)
        pixels = match[3] if match else ""
        if match is None or pixels not in get_args(PixelFormat):
            raise _wrong(text, f"WIDTHxHEIGHT:PIXELS with PIXELS {', '.join(_BYTES)}")
        width, height = int(match[1]), int(match[2])
        if not (1 <= width <= _LARGEST_SIDE and 1 <= height <= _LARGEST_SIDE):
            raise _wrong(text, f"1 to {_LARGEST_SIDE} pixels a side")
        if pixels == "yuv420p" and (width % 2 or height % 2):
            raise _wrong(text, "even sides for yuv420p")
        return cls(width, height, cast(PixelFormat, pixels))

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        return int(self.width * self.height * _BYTES[self.pixel_format])

    def to_image(self, data: bytearray) -> RgbImage:
        """Convert the bytes of a frame to (H, W, 3) uint8 RGB."""
        flat = np.frombuffer(data, dtype=np.uint8)
        if self.pixel_format == "rgb24":
            return flat.reshape(self.height, self.width, 3)
        if self.pixel_format == "bgr24":
            return np.ascontiguousarray(flat.reshape(self.height, self.width, 3)[:, :, ::-1])
        if self.pixel_format == "gray":
            return flat.reshape(self.height, self.width, 1).repeat(3, axis=2)
        from av.video.frame import VideoFrame

        planes = flat.reshape(self.height * 3 // 2, self.width)
        return to_rgb(VideoFrame.from_ndarray(planes, format="yuv420p"))


def raw_frames(
    read: Callable[[int], bytes],
    form: RawFormat,
    rate: Fraction | None = None,
    *,
    name: str = "stdin",
) -> Iterator[Captured]:
    """Yield frames of the bytes that ``read`` returns, as they arrive.

    Times are by ``rate``, in frames per second, or else by arrival. Raises MediaError where the
    bytes end in the middle of a frame.
    """
    facts = StreamFacts(rate or FALLBACK_RATE, "rawvideo", form.pixel_format)
    count, clock = 0, Clock(rate)
    while data := _read_whole(read, form.frame_bytes):
        arrived = time.perf_counter()
        if len(data) < form.frame_bytes:
            raise MediaError(
                name,
                got=f"{len(data)} bytes after {count} frames",
                expected=f"frames of {form.frame_bytes} bytes",
                remedy=f"check the size and pixel format in {param('raw')}",
            )
        seconds = clock.of(count, arrived)
        yield Captured(count, seconds, arrived, facts, partial(form.to_image, data))
        count += 1


def _read_whole(read: Callable[[int], bytes], count: int) -> bytearray:
    """Read so many bytes, fewer only at the end."""
    data = bytearray()
    while len(data) < count and (part := read(count - len(data))):
        data += part
    return data


def _wrong(text: str, expected: str) -> UsageError:
    return UsageError(
        param("raw"),
        got=repr(text),
        expected=expected,
        remedy="write it as in 640x480:rgb24",
    )
