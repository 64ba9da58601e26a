from __future__ import annotations

import numpy as np
import pytest

from persam_vos.media.overlay import draw_overlay
from persam_vos.scoring.palette import davis_palette

GREY = np.full((120, 160, 3), 100, np.uint8)


def square(object_id: int) -> np.ndarray:
    labels = np.zeros((120, 160), np.uint8)
    labels[40:80, 50:110] = object_id
    return labels


def test_without_objects_the_picture_stays() -> None:
    drawn = draw_overlay(GREY, np.zeros((120, 160), np.uint8))
    np.testing.assert_array_equal(drawn, GREY)
    assert drawn is not GREY


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5, 1.0])
def test_fill_is_blended_with_the_palette(alpha: float) -> None:
    drawn = draw_overlay(GREY, square(2), alpha=alpha)
    expected = (1 - alpha) * 100 + alpha * davis_palette()[2].astype(float)
    np.testing.assert_allclose(drawn[60, 80], expected, atol=1)


def test_the_input_and_far_pixels_are_untouched() -> None:
    image = GREY.copy()
    drawn = draw_overlay(image, square(1))
    np.testing.assert_array_equal(image, GREY)
    changed = (drawn != GREY).any(axis=2)
    assert not changed[:38].any()
    assert not changed[82:].any()


@pytest.mark.parametrize(("object_id", "edge"), [(1, 255), (255, 0)])
def test_outline_is_coloured_inside_and_shows_outside(object_id: int, edge: int) -> None:
    drawn = draw_overlay(GREY, square(object_id))
    np.testing.assert_array_equal(drawn[40, 80], davis_palette()[object_id])
    np.testing.assert_array_equal(drawn[39, 80], [edge] * 3)
    plain = draw_overlay(GREY, square(object_id), contour=False)
    np.testing.assert_array_equal(plain[39, 80], GREY[39, 80])


def test_line_is_wider_in_taller_pictures() -> None:
    image = np.full((1080, 400, 3), 100, np.uint8)
    labels = np.zeros((1080, 400), np.uint8)
    labels[300:700, 100:300] = 1
    drawn = draw_overlay(image, labels)
    full = (drawn[300:320, 200] == davis_palette()[1]).all(axis=1)
    assert 3 <= full.sum() <= 6


def test_border_of_the_picture_is_no_outline() -> None:
    labels = np.ones((120, 160), np.uint8)
    drawn = draw_overlay(GREY, labels)
    assert (drawn == drawn[60, 80]).all()


def test_touching_objects_are_parted_by_a_line() -> None:
    labels = square(1)
    labels[40:80, 80:110] = 2
    drawn = draw_overlay(GREY, labels)
    np.testing.assert_array_equal(drawn[60, 79], davis_palette()[1])
    np.testing.assert_array_equal(drawn[60, 80], davis_palette()[2])


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (77, 101)])
def test_small_and_odd_pictures_are_drawn(size: tuple[int, int]) -> None:
    drawn = draw_overlay(np.zeros((*size, 3), np.uint8), np.ones(size, np.uint8))
    assert drawn.shape == (*size, 3)
