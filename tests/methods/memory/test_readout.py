"""Readout against its definition, and on frames whose masks are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from memory_frames import hard_masks, make_frame, remember
from plain_memory import MIN_PROB, PlainReadout

from persam_vos.methods.memory.features import FrameFeatures
from persam_vos.methods.memory.memory_bank import StaticMemoryBank
from persam_vos.methods.memory.readout import MemoryReader, near_objects, new_reader
from persam_vos.methods.memory.strategy import SparseStrategy

HEIGHT, WIDTH = GRID = (5, 7)
BACKGROUND = float(np.log(MIN_PROB / (1 - MIN_PROB)))


def everywhere(grid_hw: tuple[int, int] = GRID) -> torch.Tensor:
    return torch.ones(grid_hw, dtype=torch.bool)


def remembered(features: FrameFeatures, masks: torch.Tensor) -> MemoryReader:
    """A memory of one reference frame."""
    memory = new_reader(SparseStrategy(), features, masks.shape[1])
    memory.bank.add(features, masks)
    memory.bank.make_reference()
    return memory


def moved(features: FrameFeatures, by: tuple[int, int]) -> FrameFeatures:
    """Move a picture by whole s16 cells; what leaves it comes back at the other side."""
    height, width = features.grid_hw
    s16 = features.s16.view(height, width, -1).roll(by, (0, 1)).flatten(0, 1)
    s8 = features.s8.view(height, width, 4, -1).roll(by, (0, 1)).flatten(0, 2)
    s4 = features.s4.view(4 * height, 4 * width, -1)
    s4 = s4.roll((4 * by[0], 4 * by[1]), (0, 1)).flatten(0, 1)
    return FrameFeatures(s16, s8, s4, features.grid_hw)


def in_cells(mask: torch.Tensor) -> torch.Tensor:
    """(h, w) s16 cells to (4h, 4w) s4 ones."""
    return mask.repeat_interleave(4, 0).repeat_interleave(4, 1)


def make_vacancies(memory: MemoryReader) -> None:
    """Have rows and channels that nobody needs, and a row that nobody needs any more."""
    bank = memory.bank
    assert isinstance(bank, StaticMemoryBank)
    needed = bank.capacity
    bank.reserve(needed + 1)
    bank.forget(bank.make_reference())
    assert bank.capacity > needed
    assert len(bank.reference_rows) > len(bank.references)


@pytest.mark.parametrize("prior_strength", [0.0, 3e-3])
@pytest.mark.parametrize(
    ("grid_hw", "objects", "later", "references"),
    [
        pytest.param(GRID, 1, 0, (0,), id="nothing but the reference"),
        pytest.param(GRID, 2, 1, (0,), id="one frame later"),
        pytest.param(GRID, 3, 3, (0,), id="three frames later"),
        pytest.param(GRID, 2, 17, (0,), id="the reference has left the ring"),
        pytest.param(GRID, 2, 3, (0, 2), id="two references"),
        pytest.param((3, 23), 2, 17, (0, 5), id="wider than the window"),
        pytest.param((21, 2), 1, 5, (0,), id="higher than the window"),
        pytest.param((1, 1), 1, 2, (0,), id="a single cell"),
        pytest.param((1, 3), 1, 0, (0,), id="fewer cells than candidates"),
    ],
)
def test_readout_is_its_definition(
    grid_hw: tuple[int, int],
    objects: int,
    later: int,
    references: tuple[int, ...],
    prior_strength: float,
) -> None:
    memory = remember(grid_hw, objects=objects, later=later, references=references)
    features, _ = make_frame(100, grid_hw, objects=objects)
    expected, _ = PlainReadout(features, memory.bank, prior_strength)(everywhere(grid_hw).numpy())
    static, roomy = (
        remember(grid_hw, objects=objects, later=later, references=references, static=True)
        for _ in range(2)
    )
    make_vacancies(roomy)
    for reader in (memory, static, roomy):
        got = reader(features, everywhere(grid_hw), prior_strength=prior_strength)[0]
        np.testing.assert_allclose(got[:objects], expected, rtol=0, atol=3e-4)
    assert bool((got[objects:] < -4.5).all()), "nothing is where nobody is"


def test_readout_of_some_cells_is_its_definition() -> None:
    memory = remember((6, 9), objects=2, later=4)
    features, _ = make_frame(100, (6, 9), objects=2)
    search_mask = torch.rand(6, 9, generator=torch.Generator().manual_seed(0)) < 0.5
    expected, refined = PlainReadout(features, memory.bank)(search_mask.numpy())
    assert 0.1 < refined.mean() < 0.9 * search_mask.float().mean(), "both ways to a mask are tested"
    for reader in (memory, remember((6, 9), objects=2, later=4, static=True)):
        np.testing.assert_allclose(reader(features, search_mask)[0], expected, rtol=0, atol=3e-4)


@pytest.mark.parametrize("lost", [(1,), (2,), (1, 2)])
def test_lost_objects_are_searched_everywhere_as_defined(lost: tuple[int, ...]) -> None:
    memory = remember((6, 9), objects=2, later=5)
    features, _ = make_frame(100, (6, 9), objects=2)
    search_mask = torch.rand(6, 9, generator=torch.Generator().manual_seed(0)) < 0.5
    expected, _ = PlainReadout(features, memory.bank, 3e-3, lost)(search_mask.numpy())
    is_lost = torch.tensor([1 + channel in lost for channel in range(2)])
    for reader in (memory, remember((6, 9), objects=2, later=5, static=True)):
        got = reader(features, search_mask, is_lost, prior_strength=3e-3)[0]
        np.testing.assert_allclose(got, expected, rtol=0, atol=3e-4)
        elsewhere = ~in_cells(search_mask)
        for mask, sought in zip(got, is_lost.tolist(), strict=True):
            assert bool((mask[elsewhere] > 0).any()) == sought


def test_the_nearest_of_recent_frames_are_what_comparing_all_finds() -> None:
    """With six candidates a frame on a grid of few cells, next to nothing is left out."""
    grid_hw = (2, 3)
    memory = remember(grid_hw, objects=1, later=3)
    features, _ = make_frame(100, grid_hw, objects=1)
    _, matches = memory(features, everywhere(grid_hw))
    assert matches is not None
    for age, row in enumerate(memory.bank.recent_rows):
        similarity = features.s8 @ memory.bank.read_row(memory.bank.s8, row).T
        own = similarity.view(6, 4, -1)[matches.cells]
        assert torch.equal(matches.nearest.cells[..., age], own.argmax(-1))
        torch.testing.assert_close(matches.nearest.similarity[..., age], own.amax(-1))
        torch.testing.assert_close(matches.nearest.best_back[age], own.flatten(0, 1).amax(0))


def test_quarters_that_have_changed_are_certain() -> None:
    memory = remember((6, 9), objects=2, later=4)
    _, matches = memory(make_frame(100, (6, 9), objects=2)[0], everywhere((6, 9)))
    assert matches is not None
    assert matches.uncertain.any()
    changed = torch.zeros(24, 36, dtype=torch.bool)
    changed[4:8, 4:8] = True  # the s16 cell in row 1, column 1
    own = matches.cells == 10
    decided = matches.decided(changed).uncertain
    assert not decided[own].any()
    assert torch.equal(decided[~own], matches.uncertain[~own])
    assert not matches.decided(~torch.zeros_like(changed)).uncertain.any()


def test_an_unchanged_frame_reads_its_own_masks() -> None:
    features, soft = make_frame(0, GRID, objects=3)
    masks = hard_masks(soft)
    got = remembered(features, masks)(features, everywhere())[0]
    assert masks[:, 1:].any(0).all(), "all objects are in the picture"
    assert torch.equal(got.flatten(1).T > 0, masks[:, 1:] > 0)


@pytest.mark.parametrize("by", [(0, 5), (2, -3), (10, 11)], ids=["near", "askew", "far"])
def test_masks_follow_a_picture_that_moves(by: tuple[int, int]) -> None:
    features, soft = make_frame(3, (13, 15), objects=2)
    masks = hard_masks(soft)
    got = remembered(features, masks)(moved(features, by), everywhere((13, 15)))[0]
    shifted = masks[:, 1:].T.view(2, 52, 60).roll((4 * by[0], 4 * by[1]), (1, 2)) > 0
    for mask, expected in zip(got > 0, shifted, strict=True):
        assert int((mask & expected).sum()) > 0.97 * int((mask | expected).sum())


def test_of_look_alikes_the_near_one_is_meant() -> None:
    half, soft = make_frame(3, (6, 12), objects=1)

    def twice(rows: torch.Tensor, cell: int) -> torch.Tensor:
        """Put a grid beside itself."""
        grid = rows.view(6 * cell, 12 * cell, -1)
        return torch.cat([grid, grid], dim=1).flatten(0, 1)

    s16, s4 = twice(half.s16, 1), twice(half.s4, 4)
    s8 = twice(half.s8.view(72, -1), 1).view(2 * 288, -1)
    mask = hard_masks(soft)[:, 1].view(24, 12 * 4)
    left, right = F.pad(mask, (0, 48)), F.pad(mask, (48, 0))
    masks = torch.stack([1 - left - right, left, right], dim=-1).flatten(0, 1)
    features = FrameFeatures(s16, s8, s4, (6, 24))
    got = remembered(features, masks)(features, everywhere((6, 24)), prior_strength=1e-4)[0]
    assert torch.equal(got > 0, torch.stack([left, right]) > 0)


def test_cells_outside_of_the_search_mask_are_background() -> None:
    features, soft = make_frame(0, GRID, objects=1)
    everything = torch.stack([torch.zeros(len(soft)), torch.ones(len(soft))], dim=1)
    search_mask = torch.zeros(GRID, dtype=torch.bool)
    search_mask[2, 3] = True
    got = remembered(features, everything)(features, search_mask)[0]
    assert torch.equal(got[0] > 0, in_cells(search_mask))
    beyond = torch.ones(4 * HEIGHT, 4 * WIDTH, dtype=torch.bool)
    beyond[2 * 4 - 1 : 3 * 4 + 1, 3 * 4 - 1 : 4 * 4 + 1] = False  # upsampling reaches one cell out
    torch.testing.assert_close(got[0][beyond], torch.full((int(beyond.sum()),), BACKGROUND))


def test_no_cell_searched_is_all_background() -> None:
    features, masks = make_frame(0, GRID, objects=2)
    got = remembered(features, masks)(features, ~everywhere())[0]
    torch.testing.assert_close(got, torch.full((2, 4 * HEIGHT, 4 * WIDTH), BACKGROUND))


def test_an_object_that_no_remembered_frame_shows_is_nowhere() -> None:
    memory = remember(GRID, objects=2, later=2)
    memory.bank.reserve(3)
    got = memory(make_frame(100, GRID, objects=2)[0], everywhere())[0]
    assert got.shape == (3, 4 * HEIGHT, 4 * WIDTH)
    assert bool((got[:2] > 0).flatten(1).any(1).all())
    torch.testing.assert_close(got[2], torch.full((4 * HEIGHT, 4 * WIDTH), BACKGROUND))


def test_watched_cells_are_matched_though_they_resemble_no_object() -> None:
    """What is read does not change by it: they are background either way."""
    memory = remember(GRID, objects=1, later=2)
    memory.bank.reserve(2)
    memory.bank.keep_objects([2])  # which nothing shows
    query = make_frame(100, GRID, objects=1)[0]
    plain, nothing = memory(query, everywhere())
    assert nothing is None
    watched = torch.zeros(HEIGHT * WIDTH, dtype=torch.bool)
    watched[:3] = True
    logits, matches = memory(query, everywhere(), watched=watched)
    assert matches is not None
    assert matches.cells.tolist() == [0, 1, 2]
    torch.testing.assert_close(logits, plain)


def spot(y: int, x: int, prob: float = 1.0) -> torch.Tensor:
    """Masks of two objects on (12, 16) s16 cells; the second covers one s4 cell with ``prob``."""
    masks = torch.zeros(48, 64, 3)
    masks[..., 0] = 1
    masks[y, x] = torch.tensor([1 - prob, 0, prob])
    return masks.flatten(0, 1)


@pytest.mark.parametrize(
    ("reach", "rows", "columns"),
    [(0, slice(5, 6), slice(7, 8)), (1, slice(4, 7), slice(6, 9)), (6, slice(0, 12), slice(1, 14))],
)
def test_cells_within_reach_of_an_object_are_near(reach: int, rows: slice, columns: slice) -> None:
    expected = torch.zeros(12, 16, dtype=torch.bool)
    expected[rows, columns] = True
    assert torch.equal(near_objects(spot(4 * 5 + 3, 4 * 7), (12, 16), reach=reach), expected)


def test_no_cell_is_near_where_there_is_next_to_nothing_of_an_object() -> None:
    assert near_objects(spot(9, 9, prob=0.5), (12, 16), reach=0).any()
    assert not near_objects(spot(9, 9, prob=0.3), (12, 16), reach=6).any()
    assert not near_objects(spot(9, 9, prob=0.0), (12, 16), reach=6).any()
