"""Close-ups against their definition, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from memory_frames import make_frame, remember
from plain_memory import MIN_SHARE, PlainCloseups

from persam_vos.methods.memory.crop_memory import Closeups, enlarged, new_closeups, sharpen
from persam_vos.methods.memory.features import Cells
from persam_vos.methods.memory.memory_bank import Memory
from persam_vos.methods.memory.readout import Matched, recall

GRID, WINDOW = (6, 7), (6, 4)
CORNER = (3, 5)
MADE = torch.tensor(1) > 0
Seen = tuple[torch.Tensor, Cells]


def looked(*, fixed: bool = False) -> tuple[Memory, Closeups, Seen, torch.Tensor, Matched]:
    """Four frames with close-ups in three places, one without, and a new one."""
    memory = remember(GRID, objects=2, later=3, references=(0,), fixed=fixed)
    cells, _ = make_frame(200, WINDOW, objects=2)
    closeups = new_closeups(cells, memory)
    for row, corner in ((0, (2, 4)), (1, (0, 0)), (3, (6, 10))):
        close, masks = make_frame(300 + row, WINDOW, objects=2)
        closeups.put(row, (torch.tensor(corner), close), masks, MADE)
    closeups.keep(16, 0)  # the row of the reference
    logits, matched = recall(
        make_frame(100, GRID, objects=2)[0], memory, torch.ones(GRID, dtype=torch.bool)
    )
    assert matched is not None
    return memory, closeups, (torch.tensor(CORNER), cells), logits, matched


def test_close_ups_are_recalled_as_defined() -> None:
    memory, closeups, seen, logits, matched = looked()
    got = sharpen(logits, seen, closeups, memory, matched)
    expected = PlainCloseups(seen, closeups, memory)(logits, matched)
    assert got.shape == (2, 24, 16)
    scaled = enlarged(logits, seen[0], WINDOW).numpy()
    assert 0.1 < (abs(expected - scaled) > 0.1).mean() < 1
    np.testing.assert_allclose(got, expected, atol=2e-3)


def test_fixed_shapes_recall_the_same() -> None:
    sparse, fixed = (
        sharpen(logits, seen, closeups, memory, matched)
        for memory, closeups, seen, logits, matched in (looked(), looked(fixed=True))
    )
    torch.testing.assert_close(sparse, fixed, rtol=0, atol=2e-3)


def test_what_no_close_up_shows_is_told_by_the_whole_frames() -> None:
    memory, closeups, seen, logits, matched = looked()
    for row in range(len(closeups.corners)):
        closeups.put_none(row)
    got = sharpen(logits, seen, closeups, memory, matched)
    chosen, matches, doubtful = matched
    found = memory.shares.flatten(0, 1)[matches.places][..., 1:]
    shares = (matches.weights[..., None] * found).sum(2)  # (Q, 4, N)
    for cell, child in ((16, 0), (17, 3)):
        at = chosen.tolist().index(cell)
        assert doubtful[at, child]
        y = 2 * (cell // GRID[1]) + child // 2 - CORNER[0]
        x = 2 * (cell % GRID[1]) + child % 2 - CORNER[1]
        expected = torch.logit(shares[at, child].clamp(MIN_SHARE, 1 - MIN_SHARE))
        block = got[:, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
        torch.testing.assert_close(
            block, expected[:, None, None].expand_as(block), atol=1e-4, rtol=0
        )


@pytest.mark.parametrize("corner", [(0, 0), (3, 5), (6, 10)])
def test_a_window_is_scaled_as_the_whole_is(corner: tuple[int, int]) -> None:
    grids = torch.randn(3, 24, 28, generator=torch.Generator().manual_seed(5))
    whole = F.interpolate(grids[None], scale_factor=2, mode="bilinear")[0]
    y, x = (4 * side for side in corner)
    got = enlarged(grids, torch.tensor(corner), WINDOW)
    np.testing.assert_allclose(got, whole[:, y : y + 24, x : x + 16], atol=1e-5)


def test_more_objects_are_nowhere_in_earlier_close_ups() -> None:
    memory, closeups, *_ = looked()
    before = closeups.masks.clone()
    memory.make_room(memory.room + 1)
    closeups.make_room(memory)
    assert closeups.masks.shape[-1] == before.shape[-1] + 1
    assert not closeups.masks[..., -1].any()
    torch.testing.assert_close(closeups.masks[..., :-1], before)
