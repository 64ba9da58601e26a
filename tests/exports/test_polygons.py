"""Polygons round masks, drawn again by OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from exported_run import iou, known_labels

from persam_vos.exports.polygons import one_polygon, outlines


def drawn(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.asarray(cv2.fillPoly(np.zeros(shape, np.uint8), [points.astype(np.int32)], 1) > 0)


def test_parts_are_joined_and_holes_are_filled() -> None:
    mask = known_labels(0) == 2
    assert len(outlines(mask)) == 2
    filled = mask.copy()
    filled[14:20, 10:16] = True
    assert iou(drawn(one_polygon(mask), mask.shape), filled) > 0.97


@pytest.mark.parametrize("pixels", [[(3, 4)], [(3, 4), (3, 5)], [(1, 1), (6, 8)]])
def test_tiny_masks_have_three_points(pixels: list[tuple[int, int]]) -> None:
    mask = np.zeros((9, 11), np.bool_)
    for y, x in pixels:
        mask[y, x] = True
    points = one_polygon(mask)
    assert len(points) >= 3
    assert (drawn(points, mask.shape) >= mask).all()
