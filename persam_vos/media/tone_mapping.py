"""High dynamic range to 8-bit pictures that a network and a screen of today understand.

Sources: ITU-R BT.2100 (PQ and HLG), BT.2408 (reference white of 203 cd/m2), BT.2390 (the curve that
rolls highlights off), BT.2087 (BT.2020 to BT.709 primaries).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ..structures import RgbImage

Transfer = Literal["PQ", "HLG"]
TRANSFERS: Final[dict[int, Transfer]] = {16: "PQ", 18: "HLG"}
"""By FFmpeg's numbers, which are those of ITU-T H.273."""
PEAK_NITS = 1000.0
"""What pictures are mastered for; brighter is white."""
WHITE_NITS = 203.0
DISPLAY_GAMMA = 2.4
ROWS = 64
"""Rows at a time, so that floats of a 4K picture take 12 MB instead of 100."""

_TO_BT709 = np.array(
    [
        [1.6604910, -0.5876411, -0.0728499],
        [-0.1245505, 1.1328999, -0.0083494],
        [-0.0181508, -0.1005789, 1.1187297],
    ],
    dtype=np.float32,
)
Floats = npt.NDArray[np.float32]


def tone_map(rgb: npt.NDArray[np.uint16], transfer: Transfer) -> RgbImage:
    """Map (H, W, 3) full-range BT.2020 values of PQ or HLG to (H, W, 3) uint8 BT.709.

    Linear light is scaled so that its brightest channel follows BT.2390 from 1000 cd/m2 to a white
    of 203 cd/m2, which keeps hues; what lies outside of BT.709 is clipped.
    """
    result = np.empty(rgb.shape, np.uint8)
    for top in range(0, rgb.shape[0], ROWS):
        light = display_light(rgb[top : top + ROWS], transfer)
        brightest = np.maximum(light.max(axis=2, keepdims=True), 1e-6)
        light *= np.interp(brightest, *_roll_off()).astype(np.float32) / brightest
        encoded = np.clip(light @ _TO_BT709.T, 0, 1) ** np.float32(1 / DISPLAY_GAMMA)
        result[top : top + ROWS] = np.rint(encoded * 255)
    return result


def display_light(rgb: npt.NDArray[np.uint16], transfer: Transfer) -> Floats:
    """Return the light, (H, W, 3), that a display makes of values of PQ or HLG: 1 is 1000 cd/m2."""
    light: Floats = _table(transfer)[rgb]
    if transfer == "HLG":  # its table has scene light; the system gamma of 1.2 works on luminance
        luminance = light @ np.array([0.2627002, 0.6779981, 0.0593017], dtype=np.float32)
        light *= (np.maximum(luminance, 1e-6) ** np.float32(0.2))[..., None]
    return light


@lru_cache(maxsize=2)
def _table(transfer: Transfer) -> Floats:
    """Return the light of each 16-bit value."""
    values = np.arange(65536) / 65535
    light = pq_nits(values) / PEAK_NITS if transfer == "PQ" else hlg_scene(values)
    return light.astype(np.float32)


@lru_cache(maxsize=1)
def _roll_off() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the curve of BT.2390 (5.4.1): display light, 1 for the peak, to that of the result."""
    encoded = np.linspace(0, 1, 1025)
    peak = nits_pq(PEAK_NITS)
    white = nits_pq(WHITE_NITS) / peak
    knee = 1.5 * white - 0.5
    t = np.clip((encoded - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * white
    )
    mapped = np.where(encoded < knee, encoded, spline)
    return pq_nits(encoded * peak) / PEAK_NITS, pq_nits(mapped * peak) / WHITE_NITS


def pq_nits(encoded: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the light in cd/m2 of PQ values in [0, 1] (BT.2100, table 4)."""
    root = encoded ** (1 / _M2)
    return 10_000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def nits_pq(nits: float) -> float:
    """Return the PQ value of light in cd/m2, the inverse of `pq_nits`."""
    power = (nits / 10_000) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def hlg_scene(encoded: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the scene light in [0, 1] of HLG values in [0, 1] (BT.2100, table 5)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - c) / a) + b) / 12)


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
