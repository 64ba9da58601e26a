"""References go with the cells that are found again, and do not come to what is new."""

from __future__ import annotations

import pytest
import torch
from memory_scenes import Scene, drawn, features_of, masks_of, texture

from persam_vos.methods.memory.correspondences import correspondences
from persam_vos.methods.memory.propagation import propagate_references, usual_level
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


def test_the_usual_level_is_of_what_the_reference_has_come_to() -> None:
    propagated = torch.zeros(3, 4, 4)
    propagated[0, :2] = 0.8
    propagated[1] = 0.3
    assert usual_level(propagated).tolist() == pytest.approx([0.8, 0.3, 0])
