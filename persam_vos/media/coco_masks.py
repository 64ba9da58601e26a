"""Masks in COCO's forms, polygons and run lengths, decoded so that no content can do harm.

pycocotools believes what a file says: counts that go beyond the picture, or coordinates without
end, write or read where nothing is.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BoolMask = npt.NDArray[np.bool_]


def decode_segmentation(segmentation: Any, size_hw: tuple[int, int]) -> BoolMask:
    """Decode polygons, or run lengths as a list or a text, to an (H, W) mask.

    Raises ValueError for other forms and sizes, and for what goes beyond the picture (polygons may,
    by as much as it is large), ImportError for polygons where pycocotools is not installed.
    """
    if isinstance(segmentation, Mapping):
        if tuple(segmentation["size"]) != size_hw:
            raise ValueError(f"run lengths of {segmentation['size']} for a picture of {size_hw}")
        return _of_runs(segmentation["counts"], size_hw)
    if not segmentation or any(len(one) < 6 or len(one) % 2 for one in segmentation):
        raise ValueError("neither polygons of three points or more nor run lengths")
    return _of_polygons(segmentation, size_hw)


def _of_runs(counts: Any, size_hw: tuple[int, int]) -> BoolMask:
    """Fill (H, W) column by column, with runs of background and mask in turn."""
    if isinstance(counts, str):
        counts = counts.encode()
    runs = np.asarray(_parsed(counts) if isinstance(counts, bytes) else list(counts), np.int64)
    height, width = size_hw
    if runs.ndim != 1 or (runs < 0).any() or sum(runs.tolist()) != height * width:
        raise ValueError(f"run lengths that are not those of {height * width} pixels")
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(values.reshape(width, height).T)


def _parsed(text: bytes) -> list[int]:
    """Read COCO's compressed run lengths: of each the difference to the last but one, in 5 bits."""
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        digit = letter - 48
        if not 0 <= digit < 64 or shift > 40:
            raise ValueError("run lengths that are no text of COCO's")
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs


def _of_polygons(polygons: Sequence[Sequence[float]], size_hw: tuple[int, int]) -> BoolMask:
    from pycocotools import mask as coco_mask

    height, width = size_hw
    listed = [[float(value) for value in one] for one in polygons]
    most = max(height, width)
    if not all(-most <= value <= 2 * most for one in listed for value in one):
        raise ValueError(f"a polygon far beyond the picture of {width} x {height} pixels")
    runs: Any = coco_mask.merge(coco_mask.frPyObjects(listed, height, width))
    with warnings.catch_warnings():  # of its own use of numpy, which nobody here can change
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.asarray(coco_mask.decode(runs), dtype=np.bool_)
