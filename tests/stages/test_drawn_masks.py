"""What people draw: lines or shapes, points that stand for them, clicks that change a mask."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.stages.drawn_masks import Mask, change_at, is_scribble, spread_points


def boxes(*boxes_xyxy: tuple[int, int, int, int]) -> Mask:
    """Return a mask (60, 100) of filled boxes; x1 and y1 exclusive."""
    mask = np.zeros((60, 100), bool)
    for x0, y0, x1, y1 in boxes_xyxy:
        mask[y0:y1, x0:x1] = True
    return mask


@pytest.mark.parametrize(
    ("drawn", "scribble"),
    [
        (boxes((10, 10, 70, 13)), True),
        (boxes((10, 10, 13, 50), (10, 10, 80, 13)), True),
        (boxes((10, 10, 40, 40)), False),
        (boxes((5, 5, 6, 6)), False),
        (boxes((0, 0, 100, 60)), False),
    ],
)
def test_lines_are_told_from_shapes(drawn: Mask, scribble: bool) -> None:
    assert is_scribble(drawn) is scribble


def test_points_lie_inside_and_far_apart() -> None:
    drawn = boxes((10, 10, 70, 13))
    points = spread_points(drawn, 3)
    assert len(points) == 3
    assert all(drawn[int(y), int(x)] for x, y in points)
    first, *_ = sorted(points)
    *_, last = sorted(points)
    assert last[0] - first[0] > 50, "both ends of the line"


def test_a_compact_shape_is_one_point_at_its_depth() -> None:
    ((x, y),) = spread_points(boxes((20, 10, 41, 31)))
    assert abs(x - 30) <= 1 and abs(y - 20) <= 1
    assert spread_points(boxes((5, 7, 6, 8))) == [(5.0, 7.0)]


def test_a_mask_changes_only_where_points_say_so() -> None:
    before, leg, arm = (boxes((20, 20, 40, 40)), boxes((20, 40, 30, 55)), boxes((40, 20, 60, 25)))
    after = (before | leg | arm) & ~boxes((35, 35, 40, 40), (20, 20, 24, 24))
    np.testing.assert_array_equal(change_at(before, after, [(25, 50, 1)]), before | leg)
    without = before & ~boxes((35, 35, 40, 40))
    np.testing.assert_array_equal(change_at(before, after, [(37.5, 38, 0)]), without)
    both = change_at(before, after, [(25, 50, 1), (37, 37, 0)])
    np.testing.assert_array_equal(both, without | leg)


def test_points_where_nothing_differs_change_nothing() -> None:
    before, after = boxes((20, 20, 40, 40)), boxes((20, 20, 50, 40))
    for point in [(30, 30, 1), (30, 30, 0), (45, 30, 0), (100, 60, 1)]:
        np.testing.assert_array_equal(change_at(before, after, [point]), before)
