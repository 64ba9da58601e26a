"""Clips with any number of objects and exact truth: the demo clip, small, side by side.

Tiles are mirrored in turn, so that look-alikes differ at least in that. The clip runs to its end
and back for as long as it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from persam_vos.demo.render import DEMO_ACTORS, DEMO_FRAME_COUNT, DEMO_SIZE_HW, render_demo
from persam_vos.structures import LabelMap, RgbImage

_MIRRORS = ((1, 1), (1, -1), (-1, 1), (-1, -1))  # steps along y and x


def render_tiled(
    object_count: int, *, size_hw: tuple[int, int] = DEMO_SIZE_HW, steps: int = DEMO_FRAME_COUNT
) -> list[tuple[RgbImage, LabelMap]]:
    """Render the first ``steps`` of the demo clip's 48 frames with the objects 1 to a count.

    Returns images (H, W, 3) uint8 RGB and labels (H, W) uint8; the tiles decide on a size that is
    at most ``size_hw``.
    """
    per_side = math.isqrt(math.ceil(object_count / len(DEMO_ACTORS)) - 1) + 1
    tile_hw = (size_hw[0] // per_side, size_hw[1] // per_side)
    tiles = render_demo(DEMO_FRAME_COUNT, tile_hw)
    return [
        _tile(image, labels, per_side, object_count)
        for _, (image, labels) in zip(range(steps), tiles, strict=False)
    ]


def there_and_back(length: int, count: int) -> Iterator[int]:
    """Yield ``count`` indices into a clip of a length, without a jump where it is repeated."""
    lap = [*range(length), *range(length - 2, 0, -1)]
    return (lap[number % len(lap)] for number in range(count))


def _tile(
    image: RgbImage, labels: LabelMap, per_side: int, object_count: int
) -> tuple[RgbImage, LabelMap]:
    images, maps = [], []
    for number in range(per_side**2):
        y, x = _MIRRORS[number % len(_MIRRORS)]
        ids = np.arange(1 + len(DEMO_ACTORS)) + number * len(DEMO_ACTORS)
        ids[0] = 0
        ids[ids > object_count] = 0
        images.append(image[::y, ::x])
        maps.append(ids.astype(np.uint8)[labels[::y, ::x]])
    return _grid(images, per_side), _grid(maps, per_side)


def _grid(tiles: list[np.ndarray], per_side: int) -> np.ndarray:
    rows = [tiles[start : start + per_side] for start in range(0, len(tiles), per_side)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
