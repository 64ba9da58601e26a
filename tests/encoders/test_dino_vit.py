"""Our network is that of transformers, with the same random weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from persam_vos.encoders.dino_vit import (
    DinoShape,
    DinoViT,
    interpolate_positions,
    rotations,
)
from persam_vos.encoders.formats import canonical_dino, dino_shape
from persam_vos.encoders.load import build_dino
from persam_vos.weights import ENCODERS

SIZES = {"dinov2-small": (384, 12), "dinov2-base": (768, 12), "dinov2-large": (1024, 24)}


@pytest.mark.parametrize("name", SIZES)
def test_parameters_are_counted_right(name):
    width, depth = SIZES[name]
    with torch.device("meta"):
        network = DinoViT(DinoShape("v2", width, depth, 14, 37, 0, 4 * width))
    assert sum(one.numel() for one in network.parameters()) == ENCODERS[name].parameters


def test_positions_without_registers_are_scaled_with_the_published_offset():
    known = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert interpolate_positions(known, (4, 4), smoothly=False) is known
    resized = interpolate_positions(known, (6, 3), smoothly=False)
    # By hand: the value at row y is that at (y + 0.5) / ((6 + 0.1) / 4) - 0.5 of what is known.
    rows = (np.arange(6) + 0.5) * 4 / 6.1 - 0.5
    columns = (np.arange(3) + 0.5) * 4 / 3.1 - 0.5
    np.testing.assert_allclose(
        resized[0, 0], bicubic(known[0, 0].numpy(), rows, columns), atol=1e-5
    )
    plain = F.interpolate(known, (6, 3), mode="bicubic")
    assert not torch.allclose(resized, plain, atol=1e-3)


def bicubic(grid: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution with a = -0.75, edges repeated."""

    def weights(places: np.ndarray, size: int) -> np.ndarray:
        matrix = np.zeros((len(places), size))
        for row, place in enumerate(places):
            first = math.floor(place)
            for k in range(first - 1, first + 3):
                d = abs(place - k)
                near = 1.25 * d**3 - 2.25 * d**2 + 1
                far = -0.75 * (d**3 - 5 * d**2 + 8 * d - 4)
                matrix[row, min(max(k, 0), size - 1)] += near if d <= 1 else far
        return matrix

    return np.asarray(weights(rows, grid.shape[0]) @ grid @ weights(columns, grid.shape[1]).T)


def test_rotations_begin_with_whole_turns_from_edge_to_edge():
    cosine, sine = rotations((2, 4), torch.zeros(1))
    assert cosine.shape == (8, 64)
    # The first frequency of y turns by 2 pi at the edge: centres lie at -0.5 and 0.5.
    assert sine[0, 0] == pytest.approx(math.sin(-math.pi), abs=1e-6)
    assert cosine[0, 16] == pytest.approx(math.cos(2 * math.pi * -0.75), abs=1e-6)
    torch.testing.assert_close(cosine[:, :32], cosine[:, 32:])
    assert cosine[7, 15] == pytest.approx(math.cos(math.pi / 100 ** (60 / 64)), abs=1e-6)


def theirs(kind: str) -> Any:
    import transformers

    common = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    if kind == "v2":
        config = transformers.Dinov2Config(**common, image_size=70, patch_size=14)
        model = transformers.Dinov2Model(config)
    elif kind == "v2 with registers":
        config = transformers.Dinov2WithRegistersConfig(**common, image_size=70, patch_size=14)
        model = transformers.Dinov2WithRegistersModel(config)
    else:
        config = transformers.DINOv3ViTConfig(
            **common, intermediate_size=512, num_register_tokens=4
        )
        model = transformers.DINOv3ViTModel(config)
    generator = torch.Generator().manual_seed(1)
    for one in model.parameters():  # some of them are 0 or 1 at first, which would hide mistakes
        one.data = torch.randn(one.shape, generator=generator) * 0.2
    return model.eval()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "size_hw", "registers"),
    [
        ("v2", (70, 70), 0),
        ("v2 with registers", (70, 70), 4),
        ("v2 with registers", (56, 112), 4),
        ("v3", (64, 96), 4),
    ],
)
def test_features_are_those_of_transformers(kind, size_hw, registers):
    model = theirs(kind)
    state = canonical_dino(model.state_dict())
    shape = dino_shape(state)
    assert (shape.registers, shape.depth, shape.width) == (registers, 2, 128)
    images = torch.randn(2, 3, *size_hw, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        wanted = model(images).last_hidden_state[:, 1 + registers :]
        found = build_dino(shape, state)(images)
    assert found.shape[2:] == (size_hw[0] // shape.patch, size_hw[1] // shape.patch)
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_without_registers_only_the_offset_of_positions_differs(monkeypatch):
    # transformers leaves it out; the published program has it.
    from persam_vos.encoders import dino_vit

    model = theirs("v2")
    state = canonical_dino(model.state_dict())
    images = torch.randn(1, 3, 84, 56, generator=torch.Generator().manual_seed(2))
    network = build_dino(dino_shape(state), state)
    with torch.inference_mode():
        wanted = model(images).last_hidden_state[:, 1:].transpose(1, 2).unflatten(2, (6, 4))
        assert not torch.allclose(network(images), wanted, atol=1e-3)
        monkeypatch.setattr(dino_vit, "_GRID_OFFSET", 0.0)
        torch.testing.assert_close(network(images), wanted, atol=1e-5, rtol=1e-5)
