"""What is far from an object, or moves apart from it, goes; its parts stay, old and new ones."""

from __future__ import annotations

import pytest
import torch
from memory_scenes import HW, Box, Scene, drawn, masks_of, texture

from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy, Strategy

BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])


@BOTH
def test_what_appears_far_away_is_not_of_the_object(strategy: Strategy) -> None:
    grid = texture(0)
    scene = Scene.of(masks_of([(6, 4, 14, 12)]), grid, strategy)
    assert torch.equal(
        scene.see(masks_of([(6, 4, 14, 12), (10, 22, 12, 24)]), grid), masks_of([(6, 4, 14, 12)])
    )
    beside = masks_of([(6, 4, 14, 12), (6, 13, 8, 15)])
    assert torch.equal(scene.see(beside, grid), beside)


@BOTH
def test_a_part_that_is_seen_again_behind_something_stays(strategy: Strategy) -> None:
    """It is far from what was left of the object, but both are no more than it was."""
    grid = texture(0)
    scene = Scene.of(masks_of([(6, 4, 14, 20)]), grid, strategy)
    left = masks_of([(6, 4, 14, 8)])
    assert torch.equal(scene.see(left, grid), left)
    both = masks_of([(6, 4, 14, 8), (6, 16, 14, 20)])
    assert torch.equal(scene.see(both, grid), both)


BODY = (8, 4, 16, 12)


def uncovered(step: int, speed: int = 3) -> torch.Tensor:
    """A body that moves some cells a frame to the right, off a thing that it hid."""
    ground, thing, body = texture(0), texture(1), texture(2)
    return drawn(drawn(ground, thing, 4), body, 4 + speed * step)


def see_uncovered(scene: Scene, steps: range) -> torch.Tensor:
    """See the body move by two cells a frame, and what it uncovers taken for it."""
    for step in steps:
        left = 4 + 2 * step
        masks = masks_of([(8, left, 16, left + 8), (8, 4, 16, min(12, left))])
        kept = scene.see(masks, uncovered(step, 2))
    return kept


@BOTH
def test_what_is_uncovered_behind_the_object_goes_and_is_forgotten(strategy: Strategy) -> None:
    """It stays where it is as the object moves on, though it is taken for the object."""
    scene = Scene.of(masks_of([BODY]), uncovered(0), strategy)
    for step in range(1, 7):
        body = (8, 4 + 3 * step, 16, 12 + 3 * step)
        kept = scene.see(masks_of([body, (8, 4, 16, min(12, 4 + 3 * step))]), uncovered(step))
    assert torch.equal(kept, masks_of([body]))
    bank = scene.memory.bank
    thing = masks_of([(8, 4, 16, 8)])[0] > 0
    for age, row in enumerate(bank.recent_rows[:3]):
        masks = bank.read_row(bank.masks_s4, row)[:, 1].view(2 * HW[0], 2 * HW[1])
        share = masks[::2, ::2][thing].mean()
        assert share < 0.5, f"{age} frames before it was still remembered"


@BOTH
def test_what_is_uncovered_slowly_goes_though_it_seems_to_come_from_the_object(
    strategy: Strategy,
) -> None:
    """From frame to frame the reference leaks into it; over four frames it does not."""
    ground, thing, body = texture(0), texture(1), texture(2)
    scene = Scene.of(masks_of([BODY]), drawn(drawn(ground, thing, 4), body, 4), strategy)
    for step in range(1, 11):
        scene.states.propagated.copy_(scene.memory.bank.newest_grids_s8)
        own = (8, 4 + step, 16, 12 + step)
        both = masks_of([own, (8, 4, 16, min(12, 4 + step))])
        kept = scene.see(both, drawn(drawn(ground, thing, 4), body, 4 + step))
    assert torch.equal(kept, masks_of([own]))


@BOTH
@pytest.mark.parametrize("thing", [(8, 4, 16, 11), (9, 8, 14, 11)])
def test_what_is_left_of_a_large_thing_that_went_goes_too(thing: Box, strategy: Strategy) -> None:
    """Its rim, in the same frame, and pieces that are taken for the object later."""
    scene = Scene.of(masks_of([BODY]), uncovered(0, 2), strategy)
    kept = see_uncovered(scene, range(1, 5))
    assert int(kept[0, :, :12].sum()) < 8
    scene.states.evidence.copy_(masks_of([thing]) * -2)
    both = masks_of([(8, 14, 16, 22), (10, 9, 13, 12)])
    kept = scene.see(both, uncovered(5, 2))
    assert torch.equal(kept, masks_of([(8, 14, 16, 22)]) if thing[1] == 4 else both)


@BOTH
@pytest.mark.parametrize("known", [False, True])
def test_more_of_a_thing_that_went_goes_sooner(known: bool, strategy: Strategy) -> None:
    scene = Scene.of(masks_of([BODY]), uncovered(0, 2), strategy)
    see_uncovered(scene, range(1, 3))
    if known:
        scene.states.evidence[0, 8:16, :4] = -2
    kept = see_uncovered(scene, range(3, 4))
    assert bool(kept[0, :, 4:8].any()) != known


@BOTH
def test_what_moves_apart_stays_if_the_object_is_no_larger_than_usual(strategy: Strategy) -> None:
    """A limb that moves on its own is no reason to lose it."""
    scene = Scene.of(masks_of([BODY]), uncovered(0), strategy)
    scene.states.usual_area.fill_(200)
    for step in range(1, 5):
        both = masks_of([(8, 4, 16, 12 + 3 * step)])
        assert torch.equal(scene.see(both, uncovered(step)), both)


@BOTH
def test_a_part_that_comes_into_view_and_moves_with_the_object_stays(strategy: Strategy) -> None:
    """It comes out from behind something on the left, and the object grows by it."""
    ground, body, wall = texture(0), texture(2), texture(3)
    scene = Scene.of(masks_of([(8, 12, 16, 16)]), _behind_wall(ground, body, wall, 0), strategy)
    for step in range(1, 9):
        seen = masks_of([(8, max(12, 8 + step), 16, 16 + step)])
        assert torch.equal(scene.see(seen, _behind_wall(ground, body, wall, step)), seen)
    assert float(scene.states.propagated[0, 12, 17]) > 0.3
    assert float(scene.states.evidence[0].min()) > -1.5


@BOTH
def test_the_usual_area_grows_with_the_scale_and_is_kept_behind_things(strategy: Strategy) -> None:
    grid = texture(0)
    scene = Scene.of(masks_of([(4, 4, 16, 20)]), grid, strategy)
    hidden = masks_of([(4, 4, 16, 12)])
    for _ in range(3):
        scene.see(hidden, grid)
    assert 180 < float(scene.states.usual_area) < 192
    fine = texture(0)
    scene = Scene.of(masks_of([(4, 4, 12, 12)]), fine, strategy)
    rows = (torch.arange(HW[0]) * 0.75).long()
    columns = (torch.arange(HW[1]) * 0.75).long()
    scene.see(masks_of([(5, 5, 16, 16)]), fine[rows][:, columns])
    assert float(scene.states.usual_area) > 64 * 1.3


@BOTH
@pytest.mark.parametrize(("front", "smaller"), [((4, 12, 16, 20), False), ((4, 24, 16, 28), True)])
def test_the_usual_area_stays_while_another_object_is_in_front(
    front: tuple[int, int, int, int], smaller: bool, strategy: Strategy
) -> None:
    """One that does not touch it cannot hide it: what it lacks then, it has no more."""
    grid = texture(0)
    scene = Scene.of(masks_of([(4, 4, 16, 20)], [(4, 24, 16, 28)]), grid, strategy)
    for _ in range(3):
        scene.see(masks_of([(4, 4, 16, 12)], [front]), grid)
    assert (float(scene.states.usual_area[0]) < 191) == smaller


@BOTH
def test_what_was_in_pieces_from_the_beginning_stays_so(strategy: Strategy) -> None:
    grid = texture(0)
    masks = masks_of([(4, 2, 10, 8), (4, 22, 10, 28)])
    scene = Scene.of(masks, grid, strategy)
    for _ in range(3):
        assert torch.equal(scene.see(masks, grid), masks)


@BOTH
def test_an_empty_mask_stays_empty_and_the_usual_size_is_kept(strategy: Strategy) -> None:
    grid = texture(0)
    scene = Scene.of(masks_of([(4, 2, 10, 8)]), grid, strategy)
    assert not scene.see(masks_of([]), grid).any()
    assert scene.states.usual_area.tolist() == [36]
    assert not scene.states.propagated.any()


@BOTH
def test_twins_that_are_both_objects_stay(strategy: Strategy) -> None:
    ground, thing = texture(0), texture(1)
    grid = drawn(drawn(ground, thing, 2), thing, 20)
    masks = masks_of([(8, 2, 16, 10)], [(8, 20, 16, 28)])
    scene = Scene.of(masks, grid, strategy)
    for _ in range(3):
        assert torch.equal(scene.see(masks, grid), masks)


def test_both_strategies_say_the_same() -> None:
    scenes = [
        Scene.of(masks_of([BODY]), uncovered(0), s) for s in (SparseStrategy(), DenseStrategy())
    ]
    for step in range(1, 7):
        masks = masks_of([(8, 4, 16, 12 + 3 * step)])
        one, other = (scene.see(masks, uncovered(step)) for scene in scenes)
        assert torch.equal(one, other)
    sparse, dense = (scene.states for scene in scenes)
    torch.testing.assert_close(sparse.propagated, dense.propagated)
    torch.testing.assert_close(sparse.evidence, dense.evidence)
    torch.testing.assert_close(sparse.usual_area, dense.usual_area)


def _behind_wall(
    ground: torch.Tensor, body: torch.Tensor, wall: torch.Tensor, step: int
) -> torch.Tensor:
    grid = drawn(ground, body, 8 + step)
    grid[:, :12] = wall[:, :12]
    return grid
