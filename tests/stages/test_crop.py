"""Windows of a picture, at twice the encoder's resolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from persam_vos.geometry import Geometry, normalise_and_pad
from persam_vos.stages.crop import CropScaling, place_window

WINDOW = (8, 12)


@pytest.mark.parametrize("size_hw", [(180, 320), (900, 1600)], ids=["enlarged", "made smaller"])
@pytest.mark.parametrize("corner", [(0, 0), (5, 9), (10, 20)])
def test_a_cut_is_a_part_of_the_picture_scaled_twice_as_large(
    size_hw: tuple[int, int], corner: tuple[int, int]
) -> None:
    chance = np.random.default_rng(3)
    blocks = chance.integers(0, 256, (size_hw[0] // 20, size_hw[1] // 20, 3), dtype=np.uint8)
    image = np.kron(blocks, np.ones((20, 20, 1), np.uint8))
    input_hw = Geometry(size_hw, 256).input_hw
    whole = Geometry(size_hw, 512).resize(image)
    padded = normalise_and_pad(torch.from_numpy(whole)[None], (320, 512))
    y, x = (16 * side for side in corner)
    expected = padded[:, :, y : y + 16 * WINDOW[0], x : x + 16 * WINDOW[1]]
    pixels = torch.from_numpy(image)
    got = CropScaling.new(pixels, input_hw).cut(pixels, torch.tensor(corner), WINDOW)
    assert got.shape == (1, 3, 128, 192)
    levels = 1.01 / 57  # Pillow rounds to whole levels, twice
    np.testing.assert_allclose(got, expected, atol=2 * levels)
    assert (got[expected == 0] == 0).all()


@pytest.mark.parametrize(
    ("rows", "columns", "corner", "side"),
    [
        pytest.param((20, 24), (30, 40), (7, 12), 40, id="in the middle of the window"),
        pytest.param((0, 2), (0, 4), (0, 0), 16, id="not beyond the top left"),
        pytest.param((44, 48), (60, 64), (16, 20), 16, id="nor the bottom right"),
        pytest.param((0, 48), (0, 64), (8, 10), 256, id="larger than the window"),
    ],
)
def test_a_window_is_placed_round_its_mask(
    rows: tuple[int, int], columns: tuple[int, int], corner: tuple[int, int], side: int
) -> None:
    marks = torch.zeros(48, 64, dtype=torch.bool)
    marks[slice(*rows), slice(*columns)] = True
    got, long_side = place_window(marks, 4, WINDOW, (24, 32))
    assert (tuple(got.tolist()), int(long_side)) == (corner, side)


def test_an_empty_mask_has_no_box() -> None:
    corner, side = place_window(torch.zeros(48, 64, dtype=torch.bool), 4, WINDOW, (24, 32))
    assert int(side) == 0
    assert (corner >= 0).all()
