"""The colours of DAVIS and PASCAL VOC, which stand for object ids."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt


@lru_cache(maxsize=1)
def davis_palette() -> npt.NDArray[np.uint8]:
    """Return the (256, 3) uint8 palette of DAVIS and PASCAL VOC, by its rule.

    Bits 0, 1, 2 of the id are the highest bits of red, green, blue; bits 3, 4, 5 the next ones;
    and so on.
    """
    ids = np.arange(256)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        palette[:, bit % 3] |= ((ids >> bit & 1) << 7 - bit // 3).astype(np.uint8)
    palette.flags.writeable = False
    return palette


def ids_of_colours(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | None:
    """Return the (H, W) ids of (H, W, 3) colours; None where one is not in the palette.

    Pictures of equal channels are grey label maps: their values are the ids.
    """
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 0], rgb[..., 2]):
        return np.ascontiguousarray(rgb[..., 0])
    packed = _packed(rgb)
    codes, ids = _codes()
    places = np.searchsorted(codes, packed).clip(max=len(codes) - 1)
    return ids[places] if np.array_equal(codes[places], packed) else None


def _packed(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    packed: npt.NDArray[np.uint32] = rgb.astype(np.uint32) @ np.array(
        [1 << 16, 1 << 8, 1], dtype=np.uint32
    )
    return packed


@lru_cache(maxsize=1)
def _codes() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """Return the packed colours, rising, and the id of each."""
    codes = _packed(davis_palette())
    order = np.argsort(codes)
    return codes[order], order.astype(np.uint8)
