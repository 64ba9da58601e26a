"""How a camera was held: the display matrix of a video, as flips and a transposition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Value = TypeVar("Value", np.uint8, np.uint16)


@dataclass(frozen=True, slots=True)
class Orientation:
    """What turns stored pixels upright: first transpose, then flip left-right and up-down.

    Produced and consumed by the video readers.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def from_display_matrix(cls, matrix: bytes) -> Orientation:
        """Read FFmpeg's display matrix: nine int32, of which ((a, b), (c, d)) turn the picture.

        x' = a x + c y and y' = b x + d y, y down (libavutil/display.h). Angles between the right
        ones go to the nearest.
        """
        a, b, _, c, d = np.frombuffer(matrix, dtype=np.int32)[:5].tolist()
        if abs(a) >= abs(b):
            return cls(flip_x=a < 0, flip_y=d < 0)
        return cls(transpose=True, flip_x=c < 0, flip_y=b < 0)

    @classmethod
    def from_degrees(cls, clockwise: float) -> Orientation:
        """Return a turn without mirroring; angles between the right ones go to the nearest."""
        quarter = round(clockwise / 90) % 4
        return cls(transpose=quarter % 2 == 1, flip_x=quarter in (1, 2), flip_y=quarter in (2, 3))

    @property
    def mirrored(self) -> bool:
        """Whether no rotation alone would do."""
        return self.transpose ^ self.flip_x ^ self.flip_y

    @property
    def rotation_degrees(self) -> int:
        """Clockwise turn in degrees (0, 90, 180 or 270), before any mirroring left to right."""
        if self.transpose:
            return 270 if self.flip_y else 90
        return 180 if self.flip_y else 0

    def size_hw(self, height: int, width: int) -> tuple[int, int]:
        """Return the upright height and width of a picture stored with these."""
        return (width, height) if self.transpose else (height, width)

    def apply(self, image: npt.NDArray[Value]) -> npt.NDArray[Value]:
        """Turn (H, W, 3) stored pixels upright; the result is contiguous."""
        if self.transpose:
            image = image.transpose(1, 0, 2)
        step_y, step_x = -1 if self.flip_y else 1, -1 if self.flip_x else 1
        return np.ascontiguousarray(image[::step_y, ::step_x])
