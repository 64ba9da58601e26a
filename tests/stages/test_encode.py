"""What the stages after it get of a frame, with random weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from persam_vos.geometry import PIXEL_MEAN, PIXEL_STD
from persam_vos.runtime.device import Compute
from persam_vos.runtime.oom_batcher import OomBatcher
from persam_vos.sam.build import build_sam, random_state
from persam_vos.stages.encode import encode, prepare, with_mirror_images
from persam_vos.structures import Encoded, Frame

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


def encode_one(shown: Frame, layers: Layers, *, square: bool) -> Encoded:
    (encoded,) = encode(
        [prepare(shown, CPU, image_size=256, square=square)], layers, CPU, OomBatcher()
    )
    return encoded


def test_layers_and_colours_lie_on_grids_of_16_8_4_and_2_pixels(layers: Layers) -> None:
    encoded = encode_one(frame((9, 99, 200)), layers, square=False)
    assert encoded.input_hw == (26, 256)
    assert encoded.features.shape == (1, 256, 2, 16)
    assert encoded.layer_s8 is not None
    assert encoded.layer_s8.shape == (1, 128, 4, 32)
    assert encoded.layer_s4 is not None
    assert encoded.layer_s4.shape == (1, 64, 8, 64)
    assert encoded.colours.shape == (1, 3, 16, 128)


def test_colours_are_those_of_the_picture_as_sam_normalises_them(layers: Layers) -> None:
    colour = (9, 99, 200)
    encoded = encode_one(frame(colour), layers, square=False)
    mean, deviation = torch.tensor(PIXEL_MEAN), torch.tensor(PIXEL_STD)
    right = (torch.tensor(colour) - mean) / deviation
    for row, share in [(0, 1.0), (12, 1.0), (13, 0.0), (15, 0.0)]:  # 26 of 32 rows of pixels
        cell = encoded.colours[0, :, row]
        torch.testing.assert_close(cell[:, 80], share * right)
        torch.testing.assert_close(cell[:, 40], share * -mean / deviation)


def test_the_square_has_the_padding_that_the_network_was_trained_with(layers: Layers) -> None:
    encoded = encode_one(frame((9, 99, 200)), layers, square=True)
    assert encoded.features.shape == (1, 256, 16, 16)
    assert encoded.colours.shape == (1, 3, 128, 128)
    assert not encoded.colours[0, :, 13:].any()


def test_a_batch_answers_for_each_picture_as_it_is_answered_alone(layers: Layers) -> None:
    shown = [frame(colour) for colour in ((9, 99, 200), (250, 8, 30), (0, 0, 0))]
    sizes: list[int] = []

    def counted(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        sizes.append(len(images))
        return layers(images)

    pictures = [prepare(one, CPU, image_size=256, square=False) for one in shown]
    together = encode(pictures, counted, CPU, OomBatcher(2))
    assert sizes == [2, 1]
    for one, encoded in zip(shown, together, strict=True):
        alone = encode_one(one, layers, square=False)
        assert encoded.frame is one
        assert encoded.input_hw == alone.input_hw
        for name in ("features", "colours", "layer_s8", "layer_s4"):
            found, expected = getattr(encoded, name), getattr(alone, name)
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_a_picture_and_its_mirror_image_are_averaged(layers: Layers) -> None:
    prepared = prepare(frame((9, 99, 200)), CPU, image_size=256, square=False)
    both = with_mirror_images(layers)
    found = both(prepared.image)
    own, mirrored = layers(prepared.image), layers(prepared.image.flip(-1))
    for mean, one, other in zip(found, own, mirrored, strict=True):
        assert mean.shape == one.shape
        torch.testing.assert_close(mean, (one + other.flip(-1)) / 2)
        assert not torch.equal(mean, one)
    for one, other in zip(both(prepared.image.flip(-1)), found, strict=True):
        torch.testing.assert_close(one.flip(-1), other)  # either way round


@pytest.mark.gpu
def test_a_batch_on_the_gpu_answers_as_the_cpu_does() -> None:
    network = build_sam("vit_t", random_state("vit_t", seed=0))
    shown = [frame((9, 99, 200)), frame((250, 8, 30))]
    on_cpu = [encode_one(one, network.encode_layers, square=False) for one in shown]
    cuda = Compute(torch.device("cuda"), torch.float32)
    pictures = [prepare(one, cuda, image_size=256, square=False) for one in shown]
    on_gpu = encode(pictures, network.to("cuda").encode_layers, cuda, OomBatcher(2))
    for found, expected in zip(on_gpu, on_cpu, strict=True):
        torch.testing.assert_close(found.features.cpu(), expected.features, rtol=0, atol=1e-2)
