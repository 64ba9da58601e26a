"""The two ways of computing, on what both can be asked; the windows that one of them decodes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from memory_frames import make_frame
from no_sync import NoSync
from scipy import ndimage

from persam_vos.methods.memory.candidate_search import CandidateSearch, DenseCandidateSearch
from persam_vos.methods.memory.memory_bank import MemoryBank, StaticMemoryBank
from persam_vos.methods.memory.strategy import (
    Chosen,
    DenseStrategy,
    SparseStrategy,
    Strategy,
    solid_boxes,
)

BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])
MARKS = torch.tensor([True, False, True, False])


def test_each_has_its_own_bank_and_search() -> None:
    features, _ = make_frame(0, (3, 4), objects=1)
    sparse, dense = SparseStrategy(), DenseStrategy()
    assert type(sparse.bank_type.new(features, 2)) is MemoryBank
    assert type(dense.bank_type.new(features, 2)) is StaticMemoryBank
    assert type(sparse.new_search((3, 4), torch.device("cpu"))) is CandidateSearch
    assert type(dense.new_search((3, 4), torch.device("cpu"))) is DenseCandidateSearch
    assert (sparse.static_shapes, dense.static_shapes) == (False, True)


def test_what_is_not_marked_is_left_out_or_computed_in_vain() -> None:
    rows = torch.arange(4)
    sparse, dense = SparseStrategy(), DenseStrategy()
    assert sparse.select(MARKS).tolist() == [0, 2]
    assert dense.select(MARKS).tolist() == [0, 1, 2, 3]
    assert [part.tolist() for part in sparse.keep(MARKS, rows, MARKS)] == [[0, 2], [True, True]]
    assert [part.tolist() for part in dense.keep(MARKS, rows)] == [[0, 1, 2, 3]]
    assert not sparse.any(~MARKS & MARKS)
    assert dense.any(~MARKS & MARKS)


@BOTH
def test_only_what_is_marked_is_written(strategy: Strategy) -> None:
    table, columns = torch.zeros(2, 6), torch.tensor([5, 1, 3, 0])
    new = torch.arange(1.0, 9.0).view(2, 4)
    kept = strategy.keep(MARKS, columns, new.T, MARKS)
    strategy.put(table, kept[0], kept[1].T, kept[2])
    assert table.tolist() == [[0, 0, 0, 3, 0, 1], [0, 0, 0, 7, 0, 5]]


@BOTH
def test_logits_that_are_not_marked_keep_themselves(strategy: Strategy) -> None:
    logits = torch.arange(4.0)[:, None, None].expand(-1, 2, 2)

    def tenfold(given: torch.Tensor, trusted: torch.Tensor) -> Chosen:
        return 10 * given, given[:, 0, 0] + 1, given[:, 0, 0] + 2, given + trusted[:, :1, None]

    trusted = torch.tensor([[5.0], [6.0], [7.0], [8.0]])
    best, iou, agreement, offer = strategy.choose(MARKS, logits, trusted, tenfold)
    assert best[:, 0, 0].tolist() == [0, 1, 20, 3]
    assert offer[:, 0, 0].tolist() == [5, 1, 9, 3]
    assert iou.tolist() == [1, 0, 3, 0]
    assert agreement.tolist() == [2, 0, 4, 0]


@BOTH
def test_nothing_marked_is_nothing_chosen(strategy: Strategy) -> None:
    logits = torch.ones(2, 3, 3)
    none = torch.zeros(2, dtype=torch.bool)

    def nothing(given: torch.Tensor, _: torch.Tensor) -> Chosen:
        return 0 * given, given[:, 0, 0], given[:, 0, 0], 0 * given

    best, iou, _, offer = strategy.choose(none, logits, none[:, None], nothing)
    assert torch.equal(best, logits)
    assert torch.equal(offer, logits)
    assert iou.tolist() == [0, 0]


def test_points_inside_are_the_same() -> None:
    masks = torch.zeros(2, 9, 12, dtype=torch.bool)
    masks[0, 2:7, 3:8] = True
    masks[1, :, :3] = True
    sparse, dense = (one.inner_points(masks) for one in (SparseStrategy(), DenseStrategy()))
    for points in (sparse, dense):
        for mask, (x, y) in zip(masks, points.int().tolist(), strict=True):
            assert mask[y, x]
    assert dense[0].tolist() == sparse[0].tolist() == [5, 4]


def test_the_dense_way_asks_the_device_for_nothing() -> None:
    strategy, rows = DenseStrategy(), torch.arange(4)
    with NoSync():
        strategy.any(MARKS)
        strategy.select(MARKS)
        strategy.keep(MARKS, rows)
        strategy.put(torch.zeros(2, 6), rows, torch.ones(2, 4), MARKS)


def boxed(mask: torch.Tensor) -> list[int]:
    """The window's box, in s16 cells, of a (4h, 4w) mask."""
    (box,) = solid_boxes(mask[None].float() - 0.5).tolist()
    return [int(edge) // 16 for edge in box]


def test_small_fragments_do_not_widen_the_window_that_is_decoded() -> None:
    mask = torch.zeros(80, 120, dtype=torch.bool)
    mask[20:40, 32:60] = True
    assert boxed(mask) == [8, 5, 15, 10]
    mask[78, 1] = mask[2, 118] = True
    assert boxed(mask) == [8, 5, 15, 10]


def test_what_fills_no_cell_by_a_quarter_has_a_window() -> None:
    line = torch.zeros(80, 120, dtype=torch.bool)
    line[::4, 50] = True  # a sixteenth of each cell
    assert boxed(line) == [12, 0, 13, 20]


def _random_masks(seed: int) -> torch.Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.rand(3, 14, 18, generator=chance) < torch.tensor([0.15, 0.35, 0.0])[:, None, None]


@pytest.mark.parametrize("seed", range(3))
def test_components_are_numbered_by_their_last_cell(seed: int) -> None:
    masks = _random_masks(seed)
    sparse, dense = (one.components(masks) for one in (SparseStrategy(), DenseStrategy()))
    assert torch.equal(sparse, dense)
    for mask, numbers in zip(masks.numpy(), sparse.numpy(), strict=True):
        labels, count = ndimage.label(mask, np.ones((3, 3)))
        assert ((numbers > 0) == mask).all()
        for one in range(1, count + 1):
            assert set(numbers[labels == one]) == {1 + np.flatnonzero(labels == one).max()}


@pytest.mark.parametrize("turned", range(4))
def test_components_that_wind_are_one(turned: int) -> None:
    rows, columns = np.mgrid[:72, :128]
    spiral = np.hypot(rows - 36, columns - 64) / 8 - np.arctan2(rows - 36, columns - 64) / np.pi
    comb = np.zeros((72, 128), bool)
    comb[::2], comb[1::4, 0], comb[3::4, -1] = True, True, True
    noise = np.random.default_rng(turned).random((72, 128)) < 0.42
    masks = torch.from_numpy(np.stack([(spiral % 2 < 1), comb, noise]))
    masks = torch.rot90(masks, turned, (1, 2)).contiguous()
    dense = DenseStrategy().components(masks)
    assert torch.equal(dense, SparseStrategy().components(masks))


@pytest.mark.parametrize("seed", range(3))
def test_distances_count_steps_to_the_mask(seed: int) -> None:
    masks = _random_masks(seed) & (torch.rand(3, 14, 18) < 0.1)
    sparse, dense = (one.distances(masks, 4) for one in (SparseStrategy(), DenseStrategy()))
    assert torch.equal(sparse, dense)
    for mask, distance in zip(masks.numpy(), sparse.numpy(), strict=True):
        steps = ndimage.distance_transform_cdt(~mask, "chessboard") if mask.any() else 99
        np.testing.assert_array_equal(distance, np.minimum(steps, 5))
