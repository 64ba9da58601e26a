"""Twins that part again are one object each."""

from __future__ import annotations

import pytest
import torch
from memory_scenes import Box, Scene, drawn, features_of, large, masks_of, texture

from persam_vos.methods.memory.mixed_labels import unmixed
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy, Strategy

BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])
LEFT, RIGHT = (8, 2, 16, 10), (8, 20, 16, 28)
PATCH = (8, 20, 12, 24)  # of the right one


def unmixed_labels(scene: Scene, grid: torch.Tensor, *objects: list[Box]) -> torch.Tensor:
    """Mix masks up, and return those that are made of it."""
    logits = 8 * large(masks_of(*objects)) - 4
    moved = scene.moved(features_of(grid))
    return (unmixed(logits, moved, scene.states, scene.memory.strategy) > 0).float()


def twins(*, apart: bool = True) -> torch.Tensor:
    ground, thing = texture(0), texture(1)
    return drawn(drawn(ground, thing, 2), thing, 20 if apart else 10)


@BOTH
def test_a_patch_within_another_object_is_given_back(strategy: Strategy) -> None:
    grid = twins()
    scene = Scene.of(masks_of([LEFT], [RIGHT]), grid, strategy)
    right = masks_of([RIGHT])[0] - masks_of([PATCH])[0]
    logits = 40 * large(torch.stack([masks_of([LEFT, PATCH])[0], right])) - 20
    moved = scene.moved(features_of(grid))
    found = unmixed(logits, moved, scene.states, strategy)
    assert torch.equal((found > 0).float(), large(masks_of([LEFT], [RIGHT])))
    elsewhere = large(masks_of([PATCH]))[0] == 0
    assert torch.equal(found[:, elsewhere], logits[:, elsewhere])


@BOTH
def test_a_part_that_belongs_to_the_object_stays_beside_another(strategy: Strategy) -> None:
    """It was there before, in one piece with the rest, which something in front hides now."""
    grid = texture(0)
    whole, beside = (8, 2, 16, 16), (8, 16, 16, 24)
    scene = Scene.of(masks_of([whole], [beside]), grid, strategy)
    parts = [(8, 2, 16, 6), (8, 12, 16, 16)]
    assert torch.equal(
        unmixed_labels(scene, grid, parts, [beside]), large(masks_of(parts, [beside]))
    )


@BOTH
def test_objects_that_touch_are_left_alone(strategy: Strategy) -> None:
    grid = twins(apart=False)
    beside = (8, 10, 16, 18)
    scene = Scene.of(masks_of([LEFT], [beside]), grid, strategy)
    mixed = [LEFT, (8, 10, 12, 12)]
    right = [(12, 10, 16, 18), (8, 12, 12, 18)]
    assert torch.equal(unmixed_labels(scene, grid, mixed, right), large(masks_of(mixed, right)))


@BOTH
def test_an_object_in_pieces_from_the_beginning_keeps_them(strategy: Strategy) -> None:
    grid = texture(0)
    pieces, beside = [LEFT, (8, 18, 16, 20)], [RIGHT]
    scene = Scene.of(masks_of(pieces, beside), grid, strategy)
    scene.states.propagated[0, :, 18:20] = 0
    masks = unmixed_labels(scene, grid, pieces, beside)
    assert torch.equal(masks, large(masks_of(pieces, beside)))


@BOTH
def test_one_object_and_empty_masks_do_not_change(strategy: Strategy) -> None:
    grid = texture(0)
    alone = Scene.of(masks_of([LEFT]), grid, strategy)
    assert torch.equal(unmixed_labels(alone, grid, [LEFT, RIGHT]), large(masks_of([LEFT, RIGHT])))
    two = Scene.of(masks_of([LEFT], [RIGHT]), grid, strategy)
    assert not unmixed_labels(two, grid, [], []).any()
