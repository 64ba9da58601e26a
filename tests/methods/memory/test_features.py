"""Features of frames: where their cells lie, and what their inner products say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from persam_vos.methods.memory.features import (
    extract_features,
    fit_projection,
    to_quad_order,
    to_raster_order,
)
from persam_vos.structures import Encoded, Frame

HEIGHT, WIDTH = 3, 5
COUNT = HEIGHT * WIDTH
CHANNELS = {"features": 256, "layer_s8": 128, "layer_s4": 64}
SCALES = {"features": 1, "layer_s8": 2, "layer_s4": 4}  # cells on a side of a s16 one
LAYERS = {
    "neck only": ("features",),
    "neck and a layer": ("features", "layer_s8"),
    "all three layers": ("features", "layer_s8", "layer_s4"),
}
WEIGHTS = {"s16": 1.0, "s8": 1.0, "s4": 0.5}
"""Squared norms: the weight of each stride in a similarity."""


def encoded(seed: int = 0, *, layers: str = "all three layers", directions: int = 0) -> Encoded:
    """Make a random frame; its layers may span only some ``directions`` of their channels."""
    chance = torch.Generator().manual_seed(seed)
    grids = {}
    for name in LAYERS[layers]:
        size, channels = (HEIGHT * SCALES[name], WIDTH * SCALES[name]), CHANNELS[name]
        grid = torch.randn(1, directions or channels, *size, generator=chance)
        if directions:
            few = torch.randn(channels, directions, generator=torch.Generator().manual_seed(5))
            grid = torch.einsum("cd,ndhw->nchw", few, grid)
        grids[name] = grid
    frame = Frame(0, "0", np.zeros((9, 9, 3), dtype=np.uint8), 0.0)
    colours = torch.randn(1, 3, 8 * HEIGHT, 8 * WIDTH, generator=chance)
    return Encoded(
        frame,
        grids["features"],
        (16 * HEIGHT, 16 * WIDTH),
        colours,
        grids.get("layer_s8"),
        grids.get("layer_s4"),
    )


def plain(grid: torch.Tensor) -> torch.Tensor:
    """(1, C, H, W) to (H * W, C)."""
    return grid[0].flatten(1).T


def test_quad_order_has_the_four_quarters_of_each_s16_cell() -> None:
    y, x = torch.meshgrid(torch.arange(6), torch.arange(10), indexing="ij")
    ordered = to_quad_order(torch.stack([y, x], dim=-1).flatten(0, 1), (6, 10))
    for cell in range(15):
        top, left = 2 * (cell // 5), 2 * (cell % 5)
        assert ordered[4 * cell : 4 * cell + 4].tolist() == [
            [top, left],
            [top, left + 1],
            [top + 1, left],
            [top + 1, left + 1],
        ]


@pytest.mark.parametrize("shape", [(60,), (60, 7), (60, 2, 3)], ids=str)
def test_quad_and_raster_order_undo_each_other(shape: tuple[int, ...]) -> None:
    rows = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(to_raster_order(to_quad_order(rows, (6, 10)), (6, 10)), rows)
    assert torch.equal(to_quad_order(to_raster_order(rows, (6, 10)), (6, 10)), rows)
    assert not torch.equal(to_quad_order(rows, (6, 10)), rows)


@pytest.mark.parametrize(
    ("layers", "width", "s4_width"),
    [("neck only", 96, 6), ("neck and a layer", 96, 6), ("all three layers", 96, 16)],
)
def test_each_grid_has_a_row_for_each_of_its_cells(layers: str, width: int, s4_width: int) -> None:
    frame = encoded(layers=layers)
    features = extract_features(frame, fit_projection(frame))
    assert features.grid_hw == (HEIGHT, WIDTH)
    assert features.s16.shape == (COUNT, width)
    assert features.s8.shape == (4 * COUNT, width)
    assert features.s4.shape == (16 * COUNT, s4_width)
    for name, weight in WEIGHTS.items():
        rows = getattr(features, name)
        torch.testing.assert_close(rows.square().sum(-1), torch.full(rows.shape[:1], weight))


@pytest.mark.parametrize("changed", ["colours", "layer_s8", "layer_s4"])
def test_a_place_of_the_picture_is_described_by_the_cells_there(changed: str) -> None:
    """The place is the s8 cell (3, 6), the third quarter of the s16 cell (1, 3)."""
    frame = encoded()
    projection = fit_projection(frame)
    grid = getattr(frame, changed).clone()
    scale = grid.shape[-1] // (2 * WIDTH)
    place = (..., slice(3 * scale, 4 * scale), slice(6 * scale, 7 * scale))
    grid[place] = grid[place].flip(1)
    before, after = (
        extract_features(one, projection) for one in (frame, replace(frame, **{changed: grid}))
    )
    moved = {
        name: (getattr(before, name) != getattr(after, name)).any(-1).nonzero()[:, 0].tolist()
        for name in WEIGHTS
    }
    in_s16_and_s8 = changed != "layer_s4"
    assert moved["s16"] == [1 * WIDTH + 3] * in_s16_and_s8
    assert moved["s8"] == [4 * (1 * WIDTH + 3) + 2] * in_s16_and_s8
    s4 = [y * 4 * WIDTH + x for y in (6, 7) for x in (12, 13)]
    assert moved["s4"] == (s4 if changed != "layer_s8" else [])


def test_s16_cells_are_the_means_of_their_quarters() -> None:
    frame = encoded()
    features = extract_features(frame, fit_projection(frame))
    for cell in range(COUNT):
        mean = features.s8[4 * cell : 4 * cell + 4].mean(0)
        torch.testing.assert_close(features.s16[cell], mean / mean.norm())


def joined(frame: Encoded) -> torch.Tensor:
    """Join neck and layer in all of their channels, (4 h w, C + C') in quad order."""
    size = (2 * HEIGHT, 2 * WIDTH)
    parts = [F.interpolate(F.normalize(frame.features, dim=1), size, mode="bilinear")]
    if frame.layer_s8 is not None:
        parts.append(F.normalize(frame.layer_s8, dim=1))
    return to_quad_order(F.normalize(plain(torch.cat(parts, dim=1)), dim=-1), size)


@pytest.mark.parametrize("layers", list(LAYERS))
def test_main_directions_keep_inner_products_of_features_that_span_few(layers: str) -> None:
    """Also between the frame that the directions are of and a later one."""
    frames = [encoded(seed, layers=layers, directions=6) for seed in (0, 1)]
    frames = [replace(frame, colours=torch.zeros_like(frame.colours)) for frame in frames]
    projection = fit_projection(frames[0])
    first, later = (extract_features(frame, projection) for frame in frames)
    expected = 0.8 * joined(frames[0]) @ joined(frames[1]).T + 0.2  # all have the same colour
    torch.testing.assert_close(first.s8 @ later.s8.T, expected, atol=1e-4, rtol=0)
    expected = torch.full((16 * COUNT, 16 * COUNT), 0.5)
    layers_s4 = [F.normalize(plain(f.layer_s4), dim=-1) for f in frames if f.layer_s4 is not None]
    if layers_s4:
        seen = [F.normalize(rows - layers_s4[0].mean(0), dim=-1) for rows in layers_s4]
        expected = 0.3 * seen[0] @ seen[1].T + 0.2
    torch.testing.assert_close(first.s4 @ later.s4.T, expected, atol=1e-4, rtol=0)


def alike(first: tuple[float, float, float], second: tuple[float, float, float]) -> float:
    """Compare two colours, normalised RGB, by s4 cells that have nothing else."""
    frame = encoded(layers="neck only")
    colours = torch.zeros_like(frame.colours)
    colours[0, :, :2, :2] = torch.tensor(first)[:, None, None]
    colours[0, :, :2, 2:4] = torch.tensor(second)[:, None, None]
    frame = replace(frame, colours=colours)
    s4 = extract_features(frame, fit_projection(frame)).s4
    return float(s4[0] @ s4[1]) / WEIGHTS["s4"]


BROWN = (0.5, 0.1, -0.4)


@pytest.mark.parametrize(
    ("other", "least", "most"),
    [
        pytest.param(BROWN, 1 - 1e-6, 1 + 1e-6, id="itself"),
        pytest.param((0.55, 0.12, -0.38), 0.99, 1, id="with noise of a few grey levels"),
        pytest.param((1.0, 0.6, 0.1), 0.95, 0.99, id="in more light"),
        pytest.param((0.0, 0.6, -0.4), 0.6, 0.9, id="green instead"),
        pytest.param((-1.4, -1.2, 1.6), -1, 0.3, id="blue in the dark"),
    ],
)
def test_like_colours_are_alike(
    other: tuple[float, float, float], least: float, most: float
) -> None:
    assert least <= alike(BROWN, other) <= most
    assert alike(BROWN, other) == pytest.approx(alike(other, BROWN))


def test_differences_of_colour_count_by_their_square() -> None:
    once, twice = (1 - alike(BROWN, (0.5 + step, 0.1, -0.4)) for step in (0.1, 0.2))
    assert twice / once == pytest.approx(4, rel=0.1)
