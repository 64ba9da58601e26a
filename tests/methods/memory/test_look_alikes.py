"""Of look-alikes, the one that was near is what a cell shows."""

from __future__ import annotations

import pytest
import torch
from memory_scenes import Scene, masks_of, texture

from persam_vos.methods.memory.features import to_quad_order
from persam_vos.methods.memory.look_alikes import (
    Nearness,
    leniency,
    nearness,
    nearness_now,
    note_places,
)
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy, Strategy

BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])
SIZE = (8, 26)  # s8 cells
TWINS = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])  # the third is another


def places(*columns: int | None) -> torch.Tensor:
    """Objects of two columns each, or of nothing."""
    masks = torch.zeros(len(columns), *SIZE, dtype=torch.bool)
    for mask, column in zip(masks, columns, strict=True):
        if column is not None:
            mask[2:6, column : column + 2] = True
    return masks


def cell(row: int, column: int) -> torch.Tensor:
    """The index of a cell, in quad order."""
    raster = torch.arange(SIZE[0] * SIZE[1])
    return (to_quad_order(raster, SIZE) == row * SIZE[1] + column).nonzero()[:, 0]


def assigned(near: Nearness, column: int, *probs: float) -> list[float]:
    found = near.assign(torch.tensor(probs)[None, None], cell(3, column))
    return [round(float(prob), 3) for prob in found.flatten()]


@BOTH
def test_what_is_read_of_a_far_twin_is_the_near_one(strategy: Strategy) -> None:
    near = nearness(places(2, 22, 12), TWINS, strategy)
    assert assigned(near, 2, 0.4, 0.4, 0.0) == [0.8, 0.0, 0.0]
    assert assigned(near, 23, 0.4, 0.4, 0.1) == [0.0, 0.8, 0.1]


@BOTH
def test_what_looks_decide_stays(strategy: Strategy) -> None:
    near = nearness(places(2, 22, 12), TWINS, strategy)
    assert assigned(near, 2, 0.1, 0.7, 0.0) == [0.1, 0.7, 0.0]
    assert assigned(near, 2, 0.35, 0.65, 0.0) == [0.675, 0.325, 0.0]  # by half


@BOTH
def test_an_object_that_looks_otherwise_keeps_what_it_has(strategy: Strategy) -> None:
    near = nearness(places(2, 22, 12), TWINS, strategy)
    assert assigned(near, 2, 0.1, 0.0, 0.7) == [0.1, 0.0, 0.7]
    assert assigned(near, 12, 0.3, 0.5, 0.1) == [0.3, 0.5, 0.1]  # no twin is near


@BOTH
def test_between_twins_that_touch_nothing_is_decided(strategy: Strategy) -> None:
    near = nearness(places(8, 10, 20), TWINS, strategy)
    assert assigned(near, 9, 0.4, 0.5, 0.0) == [0.4, 0.5, 0.0]
    assert assigned(near, 10, 0.4, 0.5, 0.0) == [0.4, 0.5, 0.0]


@BOTH
def test_a_twin_that_was_never_seen_takes_nothing_over(strategy: Strategy) -> None:
    near = nearness(places(2, None, 11), TWINS, strategy)
    assert assigned(near, 20, 0.4, 0.4, 0.0) == [0.4, 0.4, 0.0]
    assert assigned(near, 3, 0.4, 0.4, 0.0) == [0.8, 0.0, 0.0]


def test_probabilities_only_move() -> None:
    generator = torch.Generator().manual_seed(0)
    alike = torch.rand(5, 5, generator=generator)
    alike = ((alike + alike.T) / 2).fill_diagonal_(0)
    near = nearness(places(1, 3, 6, 12, 15), alike, SparseStrategy())
    probs = torch.rand(SIZE[0] * SIZE[1], 4, 5, generator=generator)
    found = near.assign(probs, torch.arange(SIZE[0] * SIZE[1]))
    assert (found >= 0).all()
    torch.testing.assert_close(found.sum(-1), probs.sum(-1))


def test_both_strategies_measure_the_same() -> None:
    masks = places(1, 3, 6, 12, None)
    alike = torch.ones(5, 5).fill_diagonal_(0)
    sparse, dense = (nearness(masks, alike, s) for s in (SparseStrategy(), DenseStrategy()))
    torch.testing.assert_close(sparse.near, dense.near)
    torch.testing.assert_close(sparse.left, dense.left)


def test_few_cells_of_look_alikes_are_recognised_leniently() -> None:
    covered = torch.zeros(3, 100, dtype=torch.bool)
    covered[0, :25] = covered[2, :25] = True
    torch.testing.assert_close(leniency(covered, TWINS), torch.tensor([0.1, 0.25, 0.0]))


@BOTH
def test_where_objects_are_is_noted_of_look_alikes_alone(strategy: Strategy) -> None:
    scene = Scene.of(masks_of([(8, 2, 16, 10)], [(8, 20, 16, 28)]), texture(0), strategy)
    bank, states = scene.memory.bank, scene.states
    near = nearness_now(bank, states.places, torch.tensor([[0.0, 1.0], [1.0, 0.0]]), strategy)
    assert near is not None
    assert torch.equal(states.places, bank.newest_grids_s8 > 0.5)
    assert nearness_now(bank, states.places, torch.zeros(1, 1), strategy) is None
    assert nearness_now(bank, states.places, torch.zeros(2, 2), SparseStrategy()) is None


def test_an_object_that_does_not_show_is_where_it_was_seen_last() -> None:
    noted = torch.zeros(3, 4, 10, dtype=torch.bool)
    grids = torch.zeros(3, 4, 10)
    grids[0, 1, 2:5] = torch.tensor([0.3, 0.9, 0.6])
    grids[1, 2, 3:5] = torch.tensor([0.2, 0.1])
    note_places(noted, grids)
    first = (grids > 0.5) | (grids > 0.15) & (torch.arange(3) == 1)[:, None, None]
    assert torch.equal(noted, first)
    grids[0] = 0.01
    grids[1, 2, 7] = 1
    note_places(noted, grids)
    assert torch.equal(noted[0], first[0])
    assert noted[1].nonzero().tolist() == [[2, 7]]
    assert not noted[2].any()
