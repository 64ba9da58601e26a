"""What the stages after it get of a frame, with random weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from persam_vos.device import Compute
from persam_vos.sam.build import build_sam, random_state
from persam_vos.sam.geometry import PIXEL_MEAN, PIXEL_STD
from persam_vos.stages.encode import encode_frame
from persam_vos.structures import Frame

Layers = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]
CPU = Compute(torch.device("cpu"), torch.float32)
SIZE_HW = (25, 250)  # 26 x 256 input pixels, of 32 x 256


@pytest.fixture(scope="module")
def layers() -> Layers:
    return build_sam("vit_t", random_state("vit_t", seed=0)).encode_layers


def frame(colour: tuple[int, int, int]) -> Frame:
    """A picture of one colour, whose left half is black."""
    image = np.zeros((*SIZE_HW, 3), dtype=np.uint8)
    image[:, 125:] = colour
    return Frame(0, "0", image, 0.0)


def test_layers_and_colours_lie_on_grids_of_16_8_and_4_pixels(layers: Layers) -> None:
    encoded = encode_frame(frame((9, 99, 200)), layers, CPU, image_size=256, square=False)
    assert encoded.input_hw == (26, 256)
    assert encoded.features.shape == (1, 256, 2, 16)
    assert encoded.fine is not None
    assert encoded.fine.shape == (1, 128, 4, 32)
    assert encoded.finest is not None
    assert encoded.finest.shape == (1, 64, 8, 64)
    assert encoded.colours.shape == (1, 3, 8, 64)


def test_colours_are_those_of_the_picture_as_sam_normalises_them(layers: Layers) -> None:
    colour = (9, 99, 200)
    encoded = encode_frame(frame(colour), layers, CPU, image_size=256, square=False)
    mean, deviation = torch.tensor(PIXEL_MEAN), torch.tensor(PIXEL_STD)
    right = (torch.tensor(colour) - mean) / deviation
    for row, share in [(0, 1.0), (5, 1.0), (6, 0.5), (7, 0.0)]:  # 26 of 32 rows of pixels
        cell = encoded.colours[0, :, row]
        torch.testing.assert_close(cell[:, 40], share * right)
        torch.testing.assert_close(cell[:, 20], share * -mean / deviation)


def test_the_square_has_the_padding_that_the_network_was_trained_with(layers: Layers) -> None:
    encoded = encode_frame(frame((9, 99, 200)), layers, CPU, image_size=256)
    assert encoded.features.shape == (1, 256, 16, 16)
    assert encoded.colours.shape == (1, 3, 64, 64)
    assert not encoded.colours[0, :, 7:].any()
