"""Outlines of masks as polygons, for formats that have nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.int32]
"""(P, 2) int32: x and y of pixel centres, in order round an outline."""


def outlines(mask: npt.NDArray[np.bool_]) -> list[Points]:
    """Return the outer outlines of the parts of an (H, W) mask, the largest first; no holes."""
    found, _ = cv2.findContours(
        np.ascontiguousarray(mask).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    parts = [np.asarray(one, dtype=np.int32).reshape(-1, 2) for one in found]
    return sorted(parts, key=lambda part: -abs(cv2.contourArea(part)))


def one_polygon(mask: npt.NDArray[np.bool_]) -> Points:
    """Return one polygon round all parts of a mask that has a pixel, joined by lines to and fro.

    Each part is entered and left at the point that is nearest to what came before it. Of a part
    without area, the points are repeated, so that every polygon has three at least.
    """
    first, *rest = outlines(mask)
    joined = first
    for part in rest:
        apart = np.linalg.norm(joined[:, None] - part[None], axis=2)
        here, there = np.unravel_index(int(apart.argmin()), apart.shape)
        around = np.roll(part, -int(there), axis=0)
        joined = np.concatenate([joined[: here + 1], around, around[:1], joined[here:]])
    while len(joined) < 3:
        joined = np.concatenate([joined, joined[-1:]])
    return joined
