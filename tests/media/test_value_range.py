"""Values of any type to 8 bits."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.media.value_range import ValueRange, choose_range


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        (np.array([[0, 9]], np.uint8), 0, 255),
        (np.array([[0, 200]], np.uint16), 0, 255),
        (np.array([[5, 1023]], np.uint16), 0, 1023),
        (np.array([[5, 1024]], np.uint16), 0, 4095),
        (np.array([[5, 16_000]], np.uint16), 0, 16_383),
        (np.array([[5, 16_384]], np.uint16), 0, 65_535),
        (np.array([[-5, 100]], np.int16), -5, 100),
        (np.array([[7, 70_000]], np.int32), 7, 70_000),
        (np.array([[0.0, 0.25]], np.float32), 0, 1),
        (np.array([[0.0, 200]], np.float32), 0, 255),
        (np.array([[-0.5, 0.5]], np.float32), -0.5, 0.5),
        (np.array([[np.nan, np.inf, 0.5]], np.float32), 0, 1),
    ],
)
def test_the_range_is_that_of_the_whole_clip(values: np.ndarray, low: float, high: float) -> None:
    chosen = choose_range([values, values])
    assert (chosen.low, chosen.high) == (low, high)


def test_a_brighter_picture_later_widens_the_range() -> None:
    dark, bright = np.array([[5]], np.uint16), np.array([[4000]], np.uint16)
    assert choose_range([dark, bright]).high == 4095


def test_values_are_spread_over_8_bits() -> None:
    values = np.array([[0, 2048, 4095, 9999]], np.uint16)
    rgb = ValueRange(0, 4095).to_rgb(values)
    assert rgb.shape == (1, 4, 3)
    assert rgb[0, :, 0].tolist() == [0, 128, 255, 255]


def test_light_is_shown_as_srgb_and_what_is_no_number_as_black() -> None:
    light = np.array([[0, 0.2140, 1, 3, np.nan, -1]], np.float32)
    assert ValueRange(0, 1, linear=True).to_rgb(light)[0, :, 0].tolist() == [0, 127, 255, 255, 0, 0]


def test_usual_ranges_need_no_words() -> None:
    assert ValueRange(0, 65535).words == ""
    assert "0 as black to 4095 as white" in ValueRange(0, 4095).words
