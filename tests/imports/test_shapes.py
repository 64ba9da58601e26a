"""Shapes, their ids, and polygons."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.errors import MaskError
from persam_vos.imports.shapes import Numbering, Shape, polygon_mask


def shape(label: str, object_id: int | None = None, frame: int = 0) -> Shape:
    mask = np.zeros((5, 7), np.bool_)
    mask[1:3, 2:6] = True
    return Shape.of_mask(mask, label=label, object_id=object_id, frame=frame)


def test_masks_are_held_in_their_boxes() -> None:
    labels = np.full((5, 7), 9, np.uint8)
    labels[1, 2] = 0
    assert shape("a").draw(labels, 3) == 7
    assert (labels == 3).sum() == 8
    empty = Shape.of_mask(np.zeros((5, 7), np.bool_), label="a")
    assert empty.draw(labels, 4) == 0


def test_own_ids_are_kept_and_others_get_free_ones() -> None:
    numbering = Numbering()
    shapes = [shape("dog", 2), shape("cat"), shape("cat"), shape("cat", frame=1)]
    assert numbering.number(shapes) == [2, 1, 3, 1]
    assert numbering.names == {2: "dog", 1: "cat", 3: "cat"}
    assert numbering.guessed


def test_there_are_255_objects_at_most() -> None:
    with pytest.raises(MaskError, match="more than 255"):
        Numbering().number([shape(f"label {i}") for i in range(256)])


def test_polygons_count_from_the_corner_of_the_picture() -> None:
    mask = polygon_mask([(2, 1), (6, 1), (6, 3), (2, 3)], (5, 7))
    assert mask[1:3, 2:6].all()
    assert mask.sum() <= 8 + 8  # OpenCV draws the outline too


def test_points_far_outside_are_cut_off() -> None:
    mask = polygon_mask([(-1e30, -1e30), (1e30, -1e30), (1e30, 1e30), (-1e30, 1e30)], (5, 7))
    assert mask.all()
