"""What the decoder offers joins an object if it moves with it; some candidates are not trusted."""

from __future__ import annotations

import pytest
import torch
from memory_scenes import Box, Scene, drawn, large, masks_of, texture

from persam_vos.methods.memory.new_parts import trusted_candidates, watched_cells
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy, Strategy

BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])


def test_candidates_that_offer_something_else_are_not_trusted() -> None:
    given = 8 * large(masks_of([(4, 4, 14, 14)])) - 4
    offers: list[list[Box]] = [
        [(4, 4, 14, 14)],
        [(4, 4, 8, 8)],  # a part of it
        [(3, 3, 15, 15)],  # its outline is drawn larger
        [(4, 4, 14, 18)],  # and something beside it
        [(4, 4, 14, 14), (18, 20, 21, 23)],
    ]
    candidates = 8 * large(torch.cat([masks_of(one) for one in offers]))[None] - 4
    assert trusted_candidates(candidates, given).tolist() == [[True, True, True, False, False]]


def turning(
    strategy: Strategy, steps: list[int], offers: list[list[Box]]
) -> tuple[Scene, torch.Tensor]:
    """Move a body of 8 x 8 cells over the ground; its left half is known, and more is offered."""
    ground, body = texture(0), texture(2)
    scene = Scene.of(masks_of([(8, 4, 16, 8)]), drawn(ground, body, 4), strategy)
    for x, offer in zip(steps, offers, strict=True):
        own = masks_of([(8, x, 16, x + 4)])
        kept = scene.see(own, drawn(ground, body, x), own.maximum(masks_of(offer)))
    return scene, kept


@BOTH
def test_a_part_that_moves_with_the_object_joins_it(strategy: Strategy) -> None:
    steps = [6, 8, 10, 12]
    _, kept = turning(strategy, steps, [[(8, x, 16, x + 8)] for x in steps])
    assert torch.equal(kept, masks_of([(8, 12, 16, 20)]))


@BOTH
def test_a_part_is_not_believed_at_once(strategy: Strategy) -> None:
    _, kept = turning(strategy, [6], [[(8, 6, 16, 14)]])
    assert torch.equal(kept, masks_of([(8, 6, 16, 10)]))


@BOTH
def test_the_ground_does_not_join(strategy: Strategy) -> None:
    steps = [6, 8, 10, 12]
    offers: list[list[Box]] = [[(4, x, 8, x + 6)] for x in steps]
    scene, kept = turning(strategy, steps, offers)
    assert torch.equal(kept, masks_of([(8, 12, 16, 16)]))
    assert float(scene.states.evidence[0, 5:8, 13:15].max()) <= -1.5


@BOTH
def test_without_motion_nothing_joins(strategy: Strategy) -> None:
    _, kept = turning(strategy, [4] * 4, [[(8, 4, 16, 12)]] * 4)
    assert torch.equal(kept, masks_of([(8, 4, 16, 8)]))


@BOTH
@pytest.mark.parametrize("shift", [2, 5], ids=["thin", "far"])
def test_what_is_thin_or_far_away_is_not_asked(strategy: Strategy, shift: int) -> None:
    steps = [6, 8, 10, 12]
    offers: list[list[Box]] = [
        [(8, x + 4, 16, x + 6)] if shift == 2 else [(17, x, 23, x + 8)] for x in steps
    ]
    scene, kept = turning(strategy, steps, offers)
    assert torch.equal(kept, masks_of([(8, 12, 16, 16)]))
    assert not scene.states.evidence.any()


@BOTH
def test_what_another_object_has_is_not_taken(strategy: Strategy) -> None:
    ground, body = texture(0), texture(2)
    first = masks_of([(8, 4, 16, 8)], [(8, 8, 16, 12)])
    scene = Scene.of(first, drawn(ground, body, 4), strategy)
    for x in (6, 8, 10, 12):
        masks = masks_of([(8, x, 16, x + 4)], [(8, x + 4, 16, x + 8)])
        whole = masks_of([(8, x, 16, x + 8)], [(8, x + 4, 16, x + 8)])
        kept = scene.see(masks, drawn(ground, body, x), whole)
        assert torch.equal(kept, masks)
    assert not scene.states.offered.any()


@BOTH
def test_what_was_offered_is_watched(strategy: Strategy) -> None:
    scene, _ = turning(strategy, [6], [[(8, 6, 16, 14)]])
    watched = watched_cells(scene.states).view(12, 16)
    cells = torch.zeros(12, 16, dtype=torch.bool)
    cells[3:9, 4:8] = True  # s8 columns 10 to 13 are s16 columns 5 and 6, and one more each way
    assert torch.equal(watched, cells)
    assert not watched_cells(Scene.of(masks_of([(8, 4, 16, 8)]), texture(0), strategy).states).any()
