"""What lies beside an object moves with its border, or with the ground, or is not known."""

from __future__ import annotations

import pytest
import torch
from memory_scenes import Scene, drawn, features_of, masks_of, texture

from persam_vos.methods.memory.border_motion import border_votes
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy, Strategy

BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])
SIZE = torch.tensor([8.0])


def votes_after(strategy: Strategy, steps: list[int], region: tuple[int, int, int, int]) -> float:
    """Move a body of 8 x 8 cells, of which the left half is given; ask about a region of it."""
    ground, body = texture(0), texture(2)
    scene = Scene.of(masks_of([(8, 4, 16, 8)]), drawn(ground, body, 4), strategy)
    scene.states.offered.fill_(True)  # all cells are matched
    for x in steps:
        features = features_of(drawn(ground, body, x))
        moved = scene.moved(features)
        inside = masks_of([(8, x, 16, x + 4)])
        scene.remember(inside, features)
    labels = 5 * masks_of([region]).long()
    votes = border_votes(labels, inside > 0, SIZE, moved)
    assert votes.shape == (1, 24 * 32 + 1)
    assert votes.count_nonzero() == votes[0, 5].count_nonzero()
    return float(votes[0, 5])


@BOTH
def test_what_moves_with_the_border_is_of_the_object(strategy: Strategy) -> None:
    assert votes_after(strategy, [7, 10], (8, 14, 16, 18)) == 1


@BOTH
def test_what_moves_with_the_ground_is_not(strategy: Strategy) -> None:
    assert votes_after(strategy, [7, 10], (4, 8, 8, 14)) == -1


@BOTH
def test_where_nothing_moves_nothing_is_known(strategy: Strategy) -> None:
    assert votes_after(strategy, [4, 4], (8, 8, 16, 12)) == 0


@BOTH
def test_what_is_not_found_again_is_not_known(strategy: Strategy) -> None:
    scene = Scene.of(masks_of([(8, 4, 16, 8)]), texture(0), strategy)
    labels = masks_of([(8, 8, 16, 12)]).long()
    moved = scene.moved(features_of(texture(1)))
    assert not border_votes(labels, masks_of([(8, 4, 16, 8)]) > 0, SIZE, moved).any()
