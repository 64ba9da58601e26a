"""Pieces far from an object, or moving on their own, go; parts seen behind something stay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from persam_vos.methods.memory.features import FrameFeatures, to_quad_order
from persam_vos.methods.memory.memory_bank import MemoryBank
from persam_vos.methods.memory.object_states import ObjectStates, new_object_states
from persam_vos.methods.memory.pieces import cut, distractors, reference_gaps
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy, Strategy
from persam_vos.stages.targets import Appearance
from persam_vos.stages.thin_structures import Thinness

GRID_HW = (12, 16)  # s16 cells
HW = (24, 32)  # s8 cells
BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])
Box = tuple[int, int, int, int]
"""Top, left, bottom, right, in s8 cells."""


def masks_of(*objects: list[Box]) -> torch.Tensor:
    """Return (N, 24, 32) masks, each of some boxes."""
    masks = torch.zeros(len(objects), *HW)
    for mask, boxes in zip(masks, objects, strict=True):
        for top, left, bottom, right in boxes:
            mask[top:bottom, left:right] = 1
    return masks


def textures(seed: int) -> torch.Tensor:
    return torch.randn(*HW, 32, generator=torch.Generator().manual_seed(seed))


def features_of(grid: torch.Tensor) -> FrameFeatures:
    s8 = to_quad_order(F.normalize(grid.flatten(0, 1), dim=1), HW)
    s16 = F.normalize(s8.view(-1, 4, s8.shape[1]).mean(1), dim=1)
    return FrameFeatures(s16, s8, torch.zeros(16 * len(s16), 4), GRID_HW)


def large(masks: torch.Tensor) -> torch.Tensor:
    return masks.repeat_interleave(2, 1).repeat_interleave(2, 2)


@dataclass
class Scene:
    """A memory of one frame after the other, as the tracker has it."""

    strategy: Strategy
    bank: MemoryBank
    states: ObjectStates

    @classmethod
    def of(cls, masks: torch.Tensor, grid: torch.Tensor, strategy: Strategy) -> Scene:
        features, count = features_of(grid), len(masks)
        bank = strategy.bank_type.new(features, 1 + count)
        zeros = torch.zeros(count)
        given = masks.flatten(1)
        states = new_object_states(
            tuple(range(1, count + 1)),
            Appearance(torch.zeros(count, 3), zeros, zeros),
            features.s8,
            to_quad_order(given.T, HW).T,
            Thinness(zeros, zeros),
            masks,
            reference_gaps(masks, strategy),
        )
        scene = cls(strategy, bank, states)
        scene.remember(masks, features)
        return scene

    def remember(self, masks: torch.Tensor, features: FrameFeatures) -> None:
        objects = large(masks).flatten(1).T
        self.bank.add(features, torch.cat([1 - objects.amax(1, keepdim=True), objects], 1))

    def see(self, masks: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
        """Return what is left of (N, 24, 32) masks of the next frame, and remember that."""
        features = features_of(grid)
        logits = 8 * large(masks) - 4
        gone = distractors(logits, features, self.bank, self.states, self.strategy)
        kept = F.max_pool2d((large(masks) * ~gone)[None], 2)[0]
        self.remember(kept, features)
        return kept


@BOTH
def test_pieces_have_areas_and_the_shortest_ways_from_the_object(strategy: Strategy) -> None:
    coverage = masks_of([(2, 2, 8, 8), (4, 14, 6, 16), (20, 3, 22, 4)])
    coverage[0, 2, 2] = 0.25
    weights = masks_of([(0, 0, 10, 10)])
    pieces = cut(coverage, weights, strategy)
    at = {
        name: int(pieces.labels[0, y, x])
        for name, y, x in [("m", 5, 5), ("r", 5, 15), ("b", 20, 3)]
    }
    assert int(pieces.main[0]) == at["m"]
    assert [float(pieces.areas[0, at[name]]) for name in "mrb"] == [35.25, 4, 2]
    assert [float(pieces.gaps[0, at[name]]) for name in "mrb"] == [0, 7, 13]
    assert float(pieces.spread(pieces.areas)[0, 4, 14]) == 4
    assert float(pieces.means(coverage)[0, at["m"]]) == pytest.approx(35.25 / 36)


@BOTH
def test_ways_behind_other_objects_are_short(strategy: Strategy) -> None:
    behind = [(8, 2, 12, 8), (8, 18, 12, 22)]
    coverage = masks_of(behind, [(4, 8, 20, 17)])
    weights = masks_of([(0, 0, 24, 8)], [])
    pieces = cut(coverage, weights, strategy)
    assert float(pieces.gaps[0, int(pieces.labels[0, 9, 19])]) == 2
    alone = cut(coverage[:1], weights[:1], strategy)
    assert float(alone.gaps[0, int(alone.labels[0, 9, 19])]) == 11


def test_gaps_of_a_reference_are_those_of_pieces_that_are_not_tiny() -> None:
    masks = masks_of(
        [(2, 2, 8, 8)], [(2, 2, 8, 8), (2, 14, 8, 20)], [(2, 2, 8, 8), (9, 30, 10, 31)]
    )
    gaps = reference_gaps(masks, SparseStrategy())
    np.testing.assert_allclose(gaps, [0, 7 / 72**0.5, 0])


@BOTH
def test_what_appears_far_away_is_not_of_the_object(strategy: Strategy) -> None:
    grid = textures(0)
    scene = Scene.of(masks_of([(6, 4, 14, 12)]), grid, strategy)
    assert torch.equal(
        scene.see(masks_of([(6, 4, 14, 12), (10, 22, 12, 24)]), grid), masks_of([(6, 4, 14, 12)])
    )
    beside = masks_of([(6, 4, 14, 12), (6, 13, 8, 15)])
    assert torch.equal(scene.see(beside, grid), beside)


@BOTH
def test_a_part_that_is_seen_again_behind_something_stays(strategy: Strategy) -> None:
    """It is far from what was left of the object, but both are no more than it was."""
    grid = textures(0)
    scene = Scene.of(masks_of([(6, 4, 14, 20)]), grid, strategy)
    left = masks_of([(6, 4, 14, 8)])
    assert torch.equal(scene.see(left, grid), left)
    both = masks_of([(6, 4, 14, 8), (6, 16, 14, 20)])
    assert torch.equal(scene.see(both, grid), both)


@BOTH
def test_a_look_alike_that_walks_out_of_the_object_goes(strategy: Strategy) -> None:
    """It was never seen to come from the object, the object's size has doubled, and it moves on."""
    ground, twin, body = textures(0), textures(1), textures(2)
    scene = Scene.of(masks_of([(8, 4, 16, 12)]), _drawn(ground, body, 4), strategy)
    for step in range(1, 9):
        x = 4 + 2 * step
        grid = _drawn(_drawn(ground, twin, x), body, 4)
        kept = scene.see(masks_of([(8, 4, 16, 12), (8, max(12, x), 16, x + 8)]), grid)
    assert torch.equal(kept, masks_of([(8, 4, 16, 12)]))


@BOTH
def test_what_was_in_pieces_from_the_beginning_stays_so(strategy: Strategy) -> None:
    grid = textures(0)
    masks = masks_of([(4, 2, 10, 8), (4, 22, 10, 28)])
    scene = Scene.of(masks, grid, strategy)
    for _ in range(3):
        assert torch.equal(scene.see(masks, grid), masks)


@BOTH
def test_an_empty_mask_stays_empty_and_the_usual_size_is_kept(strategy: Strategy) -> None:
    grid = textures(0)
    scene = Scene.of(masks_of([(4, 2, 10, 8)]), grid, strategy)
    assert not scene.see(masks_of([]), grid).any()
    assert scene.states.usual_area.tolist() == [36]
    assert not scene.states.propagated.any()


def _drawn(ground: torch.Tensor, thing: torch.Tensor, x: int) -> torch.Tensor:
    """Draw a thing of 8 x 8 cells, in rows 8 to 16, over a picture."""
    grid = ground.clone()
    grid[8:16, x : x + 8] = thing[:8, :8][:, : HW[1] - x]
    return grid
