"""How a camera was held: FFmpeg's display matrix against turning the picture by numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from persam_vos.media.orientation import Orientation

ONE, W = 1 << 16, 1 << 30  # 16.16 and 2.30 fixed point
IMAGE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    return np.array([a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, W], np.int32).tobytes()


@pytest.mark.parametrize(
    ("values", "degrees", "mirrored", "turn"),
    [
        ((1, 0, 0, 1), 0, False, lambda a: a),
        ((0, 1, -1, 0), 90, False, lambda a: np.rot90(a, -1)),
        ((-1, 0, 0, -1), 180, False, lambda a: np.rot90(a, 2)),
        ((0, -1, 1, 0), 270, False, lambda a: np.rot90(a, 1)),
        ((-1, 0, 0, 1), 0, True, lambda a: a[:, ::-1]),
        ((1, 0, 0, -1), 180, True, lambda a: a[::-1]),
        ((0, 1, 1, 0), 90, True, lambda a: a.transpose(1, 0, 2)),
    ],
)
def test_pictures_are_turned_as_the_matrix_says(
    values: tuple[int, int, int, int],
    degrees: int,
    mirrored: bool,
    turn: Callable[[np.ndarray], np.ndarray],
) -> None:
    orientation = Orientation.from_display_matrix(matrix(*values))
    upright = orientation.apply(IMAGE)
    np.testing.assert_array_equal(upright, turn(IMAGE))
    assert upright.flags.c_contiguous
    assert orientation.rotation_degrees == degrees
    assert orientation.mirrored is mirrored
    assert orientation.size_hw(2, 3) == upright.shape[:2]


def test_an_angle_between_goes_to_the_nearest_right_one() -> None:
    cos, sin = (round(ONE * f) for f in (np.cos(np.radians(80)), np.sin(np.radians(80))))
    tilted = np.array([cos, sin, 0, -sin, cos, 0, 0, 0, W], np.int32).tobytes()
    assert Orientation.from_display_matrix(tilted).rotation_degrees == 90


def test_without_a_matrix_nothing_is_turned() -> None:
    np.testing.assert_array_equal(Orientation().apply(IMAGE), IMAGE)
