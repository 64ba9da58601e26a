"""Pixel values of any type to 8 bits: one range for a whole clip, so that it does not flicker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..structures import DeepImage, RgbImage
from .image_file import Pixels

DEPTHS = (8, 10, 12, 14, 16)
"""Bits of a channel that cameras and scanners have."""


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Values from ``low``, shown as black, to ``high``, as white; ``linear`` ones are light.

    Produced by `choose_range` for a clip, consumed by the image readers.
    """

    low: float
    high: float
    linear: bool = False

    def to_rgb(self, pixels: Pixels) -> RgbImage:
        """Return (H, W) or (H, W, 3) values as (H, W, 3) uint8; what lies outside is clipped.

        Light becomes sRGB (IEC 61966-2-1). Values that are no numbers are black.
        """
        if pixels.dtype == np.uint8 and (self.low, self.high) == (0, 255):
            eight_bits = np.asarray(pixels, np.uint8)
        else:
            shares = self._shares(pixels)
            eight_bits = np.rint(255 * (srgb(shares) if self.linear else shares)).astype(np.uint8)
        return np.asarray(_three_channels(eight_bits), np.uint8)

    def to_deep(self, pixels: Pixels) -> DeepImage:
        """Return (H, W) or (H, W, 3) values as (H, W, 3): all of them, as float32, of light.

        Of all else, uint16 with 65535 for white, which 8 to 16 bits come back from.
        """
        if self.linear:
            light = np.nan_to_num(pixels.astype(np.float32), nan=0.0)
            return np.asarray(_three_channels(light), np.float32)
        deep = np.rint(65535 * self._shares(pixels)).astype(np.uint16)
        return np.asarray(_three_channels(deep), np.uint16)

    def _shares(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Return values as shares of white, in [0, 1]."""
        span = np.float32(max(self.high - self.low, 1e-12))
        with np.errstate(all="ignore"):  # of values that are no numbers
            shares = (pixels.astype(np.float32) - np.float32(self.low)) / span
        clipped = np.clip(np.nan_to_num(shares, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
        return np.asarray(clipped, np.float32)

    @property
    def words(self) -> str:
        """What to tell a user; nothing where the range is that of the type of the values."""
        if self.linear:
            return "holds light, which is shown as sRGB: 0 is black, 1 and more white"
        if (self.low, self.high) in ((0, 255), (0, 65535), (0, 1)):
            return ""
        return f"has values that are shown from {self.low:g} as black to {self.high:g} as white"


def choose_range(samples: Iterable[Pixels], *, linear: bool = False) -> ValueRange:
    """Choose the range of a clip from some of its pictures.

    Of whole numbers it is that of the least usual bit depth, from 8 to 16, that holds them; of
    floats it is up to 1, 255 or 65535, whichever holds them, and for ``linear`` light up to 1; of
    all else it goes from the least to the greatest.
    """
    least, greatest, whole, eight = np.inf, -np.inf, True, True
    for pixels in samples:
        finite = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
        if finite.size:
            least, greatest = min(least, float(finite.min())), max(greatest, float(finite.max()))
        whole &= pixels.dtype.kind in "iub"
        eight &= pixels.dtype == np.uint8
    if eight or least > greatest:
        return ValueRange(0, 255)
    if linear:
        return ValueRange(0, 1, linear=True)
    usual = [(1 << bits) - 1 for bits in DEPTHS] if whole else [1, 255, 65535]
    high = next((one for one in usual if greatest <= one), None)
    return ValueRange(0, high) if least >= 0 and high is not None else ValueRange(least, greatest)


def _three_channels(values: Pixels) -> Pixels:
    return values if values.ndim == 3 else np.repeat(values[:, :, None], 3, axis=2)


def srgb(light: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Encode light in [0, 1] by the curve of sRGB (IEC 61966-2-1)."""
    curved = 1.055 * np.maximum(light, 0.0031308) ** np.float32(1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, curved).astype(np.float32)
