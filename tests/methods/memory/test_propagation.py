"""References go with the cells that are found again, and do not come to what is new."""

from __future__ import annotations

import pytest
import torch
from memory_scenes import Scene, drawn, features_of, masks_of, texture

from persam_vos.methods.memory.correspondences import correspondences
from persam_vos.methods.memory.propagation import (
    propagate_references,
    propagate_slowly,
    usual_level,
)
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy, Strategy

BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])


@BOTH
def test_a_reference_moves_with_its_object_and_not_to_what_is_beside_it(strategy: Strategy) -> None:
    ground, body, thing = texture(0), texture(1), texture(2)
    scene = Scene.of(masks_of([(8, 4, 16, 12)]), drawn(ground, body, 4), strategy)
    scene.states.evidence[0, 8:16, 4:12] = 2
    features = features_of(drawn(drawn(ground, thing, 14), body, 6))
    inside = masks_of([(8, 6, 16, 22)]) > 0
    propagated, evidence = propagate_references(inside, scene.moved(features), scene.states)
    assert float(propagated[0, 8:16, 6:13].min()) > 0.95
    assert float(propagated[0, 9:15, 16:22].max()) < 0.05
    assert not propagated[~inside].any()
    assert torch.equal(evidence[0, 8:16, 6:14], torch.full((8, 8), 2.0))
    assert evidence[0].sum() == 128


@BOTH
def test_where_nothing_is_found_again_the_reference_has_not_come(strategy: Strategy) -> None:
    scene = Scene.of(masks_of([(8, 4, 16, 12)]), texture(0), strategy)
    inside = masks_of([(2, 2, 22, 22)]) > 0
    nothing = correspondences(None, scene.memory.bank)
    propagated, evidence = propagate_references(inside, nothing, scene.states)
    assert not propagated.any()
    assert not evidence.any()


@BOTH
def test_over_four_frames_a_reference_does_not_come_to_what_is_uncovered(
    strategy: Strategy,
) -> None:
    """Though it has leaked from frame to frame: a thing was hidden, and took over the value."""
    ground, body, thing = texture(0), texture(1), texture(2)
    grids = [drawn(drawn(ground, thing, 4), body, 4 + step) for step in range(7)]
    scene = Scene.of(masks_of([(8, 4, 16, 12)]), grids[0], strategy)
    for step in range(1, 6):
        mask = masks_of([(8, 4, 16, 12 + step)])
        scene.states.propagated.copy_(mask)
        scene.states.propagated_slowly.copy_(masks_of([(8, 4 + step, 16, 12 + step)]))
        scene.remember(mask, features_of(grids[step]))
    moved = scene.moved(features_of(grids[6]))
    inside = masks_of([(8, 4, 16, 18)]) > 0
    propagated, _ = propagate_references(inside, moved, scene.states)
    slowly = propagate_slowly(inside, moved, scene.memory.bank, propagated)
    assert float(propagated[0, 9:15, 5:9].min()) > 0.9
    assert float(slowly[0, 9:15, 4:9].max()) < 0.1
    assert float(slowly[0, 9:15, 11:17].min()) > 0.9
    assert bool((slowly <= propagated).all())


@BOTH
def test_references_that_begin_are_known_from_frame_to_frame_alone(strategy: Strategy) -> None:
    grid, first = texture(0), masks_of([(8, 4, 16, 12)], [(2, 20, 8, 28)])
    scene = Scene.of(first, grid, strategy)
    for _ in range(5):
        scene.remember(first, features_of(grid))
    bank = scene.memory.bank
    bank.begin_references([1], first[1:])
    moved = scene.moved(features_of(grid))
    propagated, _ = propagate_references(first > 0, moved, scene.states)
    slowly = propagate_slowly(first > 0, moved, bank, propagated)
    torch.testing.assert_close(slowly, propagated)
    own = bank.read_row(bank.references_s8, bank.recent_rows[2])
    assert own[0].any()
    assert not own[1].any()


def test_the_usual_level_is_of_what_the_reference_has_come_to() -> None:
    propagated = torch.zeros(3, 4, 4)
    propagated[0, :2] = 0.8
    propagated[1] = 0.3
    assert usual_level(propagated).tolist() == pytest.approx([0.8, 0.3, 0])
