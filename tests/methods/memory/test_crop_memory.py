"""Crops against their definition, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from memory_frames import make_frame, remember
from plain_memory import MIN_PROB, PlainCropRefine

from persam_vos.methods.memory.crop_memory import (
    Crop,
    CropMemory,
    refine_readout,
    upsample_window,
)
from persam_vos.methods.memory.memory_bank import RowIndex
from persam_vos.methods.memory.readout import Matches, MemoryReader

GRID, WINDOW = (6, 7), (6, 4)
CORNER = (3, 5)


def remembered_crops(
    *, static: bool = False
) -> tuple[MemoryReader, CropMemory, Crop, torch.Tensor, Matches]:
    """Four frames with crops in three places, one without, and a new one."""
    memory = remember(GRID, objects=2, later=3, references=(0,), static=static)
    window, _ = make_frame(200, WINDOW, objects=2)
    crop_memory = CropMemory.new(window, memory.bank)
    for row, corner in ((0, (2, 4)), (1, (0, 0)), (3, (6, 10))):
        features, masks = make_frame(300 + row, WINDOW, objects=2)
        crop = Crop(torch.tensor(corner), features)
        crop_memory.put(memory.bank, row_of(memory, row), crop, masks, torch.tensor(1) > 0)
    crop_memory.make_reference(memory.bank, 16, row_of(memory, 0))
    query = make_frame(100, GRID, objects=2)[0]
    logits, matches = memory(query, torch.ones(GRID, dtype=torch.bool))
    assert matches is not None
    return memory, crop_memory, Crop(torch.tensor(CORNER), window), logits, matches


def row_of(memory: MemoryReader, row: int) -> RowIndex:
    """Name a row as the bank does: on the device, where shapes are static."""
    return torch.tensor([row]) if memory.strategy.static_shapes else row


def test_crops_are_read_as_defined() -> None:
    memory, crop_memory, crop, logits, matches = remembered_crops()
    got = refine_readout(logits, crop, crop_memory, memory, matches)
    expected = PlainCropRefine(crop, crop_memory, memory.bank)(logits, matches)
    assert got.shape == (2, 24, 16)
    scaled = upsample_window(logits, crop.corner, WINDOW).numpy()
    assert 0.1 < (abs(expected - scaled) > 0.1).mean() < 1
    np.testing.assert_allclose(got, expected, atol=2e-3)


def test_static_shapes_read_the_same() -> None:
    sparse, static = (
        refine_readout(logits, crop, crop_memory, memory, matches)
        for memory, crop_memory, crop, logits, matches in (
            remembered_crops(),
            remembered_crops(static=True),
        )
    )
    torch.testing.assert_close(sparse, static, rtol=0, atol=2e-3)


def test_matches_outside_of_all_crops_are_read_from_the_whole_frames() -> None:
    memory, crop_memory, crop, logits, matches = remembered_crops()
    for row in range(len(crop_memory.corners)):
        crop_memory.put_none(memory.bank, row)
    got = refine_readout(logits, crop, crop_memory, memory, matches)
    found = memory.bank.masks_s8.flatten(0, 1)[matches.places][..., 1:]
    mask_probs = (matches.weights[..., None] * found).sum(2)  # (Q, 4, N)
    for cell, child in ((16, 0), (17, 3)):
        at = matches.cells.tolist().index(cell)
        assert matches.uncertain[at, child]
        y = 2 * (cell // GRID[1]) + child // 2 - CORNER[0]
        x = 2 * (cell % GRID[1]) + child % 2 - CORNER[1]
        expected = torch.logit(mask_probs[at, child].clamp(MIN_PROB, 1 - MIN_PROB))
        block = got[:, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
        torch.testing.assert_close(
            block, expected[:, None, None].expand_as(block), atol=1e-4, rtol=0
        )


@pytest.mark.parametrize("corner", [(0, 0), (3, 5), (6, 10)])
def test_a_window_is_scaled_as_the_whole_is(corner: tuple[int, int]) -> None:
    grids = torch.randn(3, 24, 28, generator=torch.Generator().manual_seed(5))
    whole = F.interpolate(grids[None], scale_factor=2, mode="bilinear")[0]
    y, x = (4 * side for side in corner)
    got = upsample_window(grids, torch.tensor(corner), WINDOW)
    np.testing.assert_allclose(got, whole[:, y : y + 24, x : x + 16], atol=1e-5)


def test_more_objects_are_nowhere_in_earlier_crops() -> None:
    memory, crop_memory, *_ = remembered_crops()
    before = crop_memory.masks_s4.clone()
    memory.bank.reserve(memory.bank.capacity + 1)
    crop_memory.reserve(memory.bank)
    assert crop_memory.masks_s4.shape[-1] == before.shape[-1] + 1
    assert not crop_memory.masks_s4[..., -1].any()
    torch.testing.assert_close(crop_memory.masks_s4[..., :-1], before)
