"""The source's own colours, of any depth: as values that files hold, and as light."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..media.tone_mapping import PEAK_NITS, TRANSFERS, WHITE_NITS, display_light
from ..media.value_range import srgb
from ..structures import ColourTags

Colours = npt.NDArray[Any]
"""(H, W, 3) RGB: uint8, or what `Frame.deep` has."""
Values = npt.NDArray[Any]
"""(H, W, C) uint8 or uint16, of which 255 or 65535 is white."""
Floats = npt.NDArray[np.float32]

UNKNOWN, BT709, BT2020 = 2, 1, 9
"""Primaries and matrices of ITU-T H.273; 1 is BT.709's transfer too."""
_LIKE_BT709 = (BT709, UNKNOWN, 6, 13)
"""Transfers that are shown alike: BT.709, untold, BT.601 and sRGB."""
CHROMATICITIES = {
    BT709: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    BT2020: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
}
"""x and y of red, green, blue and white, of BT.709, BT.2020 and P3 (H.273, table 2)."""


def values(colours: Colours) -> Values:
    """Return colours as whole numbers; light becomes 16 bits of sRGB, cut off at white."""
    if colours.dtype != np.float32:
        return colours
    light = np.clip(np.asarray(colours, np.float32), 0, 1)
    return np.rint(65535 * srgb(light)).astype(np.uint16)


def shares(colours: Colours) -> Floats:
    """Return colours as shares of white; light as it is."""
    if colours.dtype == np.float32:
        return np.asarray(colours, np.float32)
    white = np.float32(np.iinfo(colours.dtype).max)
    return np.asarray(colours.astype(np.float32) / white, np.float32)


def light(colours: Colours, tags: ColourTags) -> Floats:
    """Return linear light, (H, W, 3): 1 is white, which of PQ and HLG is 203 cd/m2 (BT.2408).

    All else is taken for sRGB, as a screen does.
    """
    if colours.dtype == np.float32:
        return np.asarray(colours, np.float32)
    transfer = TRANSFERS.get(tags.transfer)
    if transfer is not None and colours.dtype == np.uint16:
        shown = display_light(np.asarray(colours, np.uint16), transfer)
        return shown * np.float32(PEAK_NITS / WHITE_NITS)
    return linear_light(int(np.iinfo(colours.dtype).max) + 1)[colours]


@lru_cache(maxsize=2)
def linear_light(levels: int) -> Floats:
    """Return the light of each of 256 or 65536 levels, by the curve of sRGB (IEC 61966-2-1)."""
    encoded = np.arange(levels) / (levels - 1)
    curve = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.asarray(curve, dtype=np.float32)


def video_tags(tags: ColourTags) -> ColourTags:
    """Return what a video of these colours is tagged with: BT.709 where nobody says."""
    primaries = BT709 if tags.primaries == UNKNOWN else tags.primaries
    transfer = BT709 if tags.transfer == UNKNOWN else tags.transfer
    return ColourTags(primaries, transfer, BT2020 if primaries == BT2020 else BT709)


def is_plain(tags: ColourTags) -> bool:
    """Whether a picture without tags is shown right, as sRGB."""
    return tags.primaries in (BT709, UNKNOWN) and tags.transfer in _LIKE_BT709
