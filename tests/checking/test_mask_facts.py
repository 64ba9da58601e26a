"""What is measured of objects: each case is drawn, and its numbers are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.checking.mask_facts import (
    default_speck_px,
    hole_mask,
    measure_objects,
    speck_mask,
)


@pytest.fixture
def labels() -> np.ndarray:
    """Object 1: a block with a hole of 4, a notch, and two specks; object 2 at two edges."""
    labels = np.zeros((60, 100), np.uint8)
    labels[10:40, 10:40] = 1
    labels[20:22, 20:22] = 0
    labels[30:32, 38:40] = 0
    labels[50, 5:8] = labels[50, 60] = 1
    labels[55:, 90:] = 2
    return labels


def test_areas_boxes_pieces_specks_holes_and_edges_are_counted(labels: np.ndarray) -> None:
    one, two = measure_objects(labels, 10)
    assert (one.object_id, two.object_id) == (1, 2)
    assert (one.area_px, two.area_px) == (900 - 4 - 4 + 4, 50)
    assert one.picture_share == one.area_px / 6000
    assert one.box_xyxy == (5, 10, 60, 50)
    assert one.side_px == 56
    assert (one.pieces, one.specks, one.speck_area_px) == (1, 2, 4)
    assert (one.holes, one.hole_area_px) == (1, 4)
    assert one.piece_gap_px == 0
    assert one.edges == ()
    assert two.edges == ("bottom", "right")
    assert (two.pieces, two.specks, two.holes) == (1, 0, 0)


def test_a_notch_is_no_hole_and_neither_is_what_holds_another_object(labels: np.ndarray) -> None:
    labels[12:16, 12:16] = 0
    labels[13:15, 13:15] = 2
    assert np.count_nonzero(hole_mask(labels, 1, 1000)) == 4
    labels[10, 14] = labels[11, 14] = 0
    assert np.count_nonzero(hole_mask(labels, 1, 1000)) == 4


def test_holes_of_the_stated_size_or_more_stay(labels: np.ndarray) -> None:
    assert not hole_mask(labels, 1, 4).any()
    assert hole_mask(labels, 1, 5).any()


def test_a_small_object_is_no_speck() -> None:
    mask = np.zeros((40, 40), np.bool_)
    mask[3:5, 3:5] = mask[30:32, 30:32] = True
    assert not speck_mask(mask, 1000).any()


def test_the_gap_is_that_of_the_most_remote_large_piece() -> None:
    labels = np.zeros((50, 200), np.uint8)
    labels[10:20, 10:20] = labels[10:20, 25:35] = labels[10:20, 150:160] = 1
    labels[40:42, 190:192] = 1  # too small to count
    (one,) = measure_objects(labels, 4)
    assert (one.pieces, one.piece_gap_px) == (4, 115)


def test_specks_are_a_ten_thousandth_of_the_picture_and_at_least_four_pixels() -> None:
    assert default_speck_px((480, 854)) == 41
    assert default_speck_px((60, 90)) == 4
