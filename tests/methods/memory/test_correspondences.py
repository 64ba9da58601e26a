"""Cells are found again where they were, one-to-one, and motions of wholes are fitted."""

from __future__ import annotations

import math

import pytest
import torch
from memory_scenes import HW, Scene, drawn, features_of, masks_of, texture

from persam_vos.methods.memory.candidate_search import cell_positions
from persam_vos.methods.memory.correspondences import (
    correspondences,
    fit_similarity,
    rotate_and_scale,
)
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy, Strategy

BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])


@BOTH
def test_cells_of_a_moving_body_are_found_where_they_were(strategy: Strategy) -> None:
    ground, body = texture(0), texture(1)
    at = [drawn(ground, body, x) for x in (4, 6, 8)]
    scene = Scene.of(masks_of([(8, 4, 16, 12)]), at[0], strategy)
    scene.remember(masks_of([(8, 6, 16, 14)]), features_of(at[1]))
    moved = scene.moved(features_of(at[2]))
    assert moved.found.shape == moved.mutual.shape == (2, HW[0] * HW[1])
    cells = (masks_of([(8, 8, 16, 16)])[0] > 0).flatten().nonzero()[:, 0]
    for age, steps in enumerate((2, 4)):
        again = moved.mutual[age, cells]
        assert again.all()
        assert torch.equal(moved.found[age, cells], cells - steps)


@BOTH
def test_what_has_come_into_view_is_not_found_again(strategy: Strategy) -> None:
    """Cells that look like none before, and twins of cells that are still there, have no past."""
    ground, body = texture(0), texture(1)
    scene = Scene.of(masks_of([(8, 4, 16, 12)]), drawn(ground, body, 4), strategy)
    twice = drawn(drawn(ground, 0.8 * body + 0.6 * texture(2), 13), body, 4)
    moved = scene.moved(features_of(twice))
    new = (masks_of([(8, 13, 16, 21)])[0] > 0).flatten()
    assert moved.mutual[0, new].float().mean() < 0.1
    old = (masks_of([(8, 4, 16, 12)])[0] > 0).flatten()
    assert moved.mutual[0, old].all()


def test_without_matches_nothing_is_found_again() -> None:
    scene = Scene.of(masks_of([(8, 4, 16, 12)]), texture(0), SparseStrategy())
    moved = correspondences(None, scene.memory.bank)
    assert moved.found.shape == (1, HW[0] * HW[1])
    assert not moved.mutual.any()


def test_a_similarity_is_fitted_in_spite_of_outliers() -> None:
    places = cell_positions(torch.arange(HW[0] * HW[1]), HW[1])
    angle, scale = 0.1, 0.9
    slope = scale * torch.tensor([math.cos(angle), math.sin(angle)])
    former = rotate_and_scale(slope, places) + torch.tensor([3.0, -2.0])
    wrong = torch.rand(len(places), generator=torch.Generator().manual_seed(0)) < 0.2
    former[wrong] += 12
    weights = torch.ones(1, len(places))
    weights[:, ::7] = 0
    found, offset, distance = fit_similarity(weights, places, former[None])
    torch.testing.assert_close(found[0], slope, atol=0.02, rtol=0)
    torch.testing.assert_close(offset[0], torch.tensor([3.0, -2.0]), atol=0.4, rtol=0)
    assert distance[0, ~wrong].max() < 0.5
    assert distance[0, wrong].min() > 10


def test_nothing_to_fit_gives_numbers() -> None:
    places = cell_positions(torch.arange(12), 4)
    parts = fit_similarity(torch.zeros(2, 12), places, places.expand(2, -1, -1))
    assert all(part.isfinite().all() for part in parts)
