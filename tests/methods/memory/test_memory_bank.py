"""Which frames are remembered, and what is kept of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from memory_frames import make_frame, soft_masks

from persam_vos.methods.memory.features import FrameFeatures
from persam_vos.methods.memory.memory_bank import MemoryBank, RowIndex

HEIGHT, WIDTH = GRID = (3, 5)
COUNT = HEIGHT * WIDTH
TABLES = ("s16", "s8", "s4", "masks_s4", "masks_s8")


def numbered(number: int, grid_hw: tuple[int, int] = GRID) -> FrameFeatures:
    """Make features that all are the number of their frame."""
    count = grid_hw[0] * grid_hw[1]
    sizes = ((count, 4), (4 * count, 4), (16 * count, 2))
    s16, s8, s4 = (torch.full(size, float(number)) for size in sizes)
    return FrameFeatures(s16, s8, s4, grid_hw)


def chance_masks(seed: int, objects: int = 2) -> torch.Tensor:
    labels = torch.randint(
        1 + objects,
        (4 * HEIGHT, 4 * WIDTH),
        generator=torch.Generator().manual_seed(seed),
    )
    return soft_masks(labels, objects)


def filled(frames: int) -> MemoryBank:
    """A memory of frames 1, 2, ..., the first of which is a reference frame."""
    memory = MemoryBank.new(numbered(0), 3)
    for number in range(1, 1 + frames):
        memory.add(numbered(number), chance_masks(number))
        if number == 1:
            memory.make_reference()
    return memory


def numbers(memory: MemoryBank, rows: Sequence[RowIndex]) -> list[int]:
    """Tell which frames lie in some rows, after having looked into all of each."""
    for row in rows:
        number = memory.s16[row, 0, 0]
        assert all(bool((table[row] == number).all()) for table in features_of(memory))
        torch.testing.assert_close(memory.masks_s4[row], chance_masks(int(number)))
    return [int(memory.s16[row, 0, 0]) for row in rows]


def features_of(memory: MemoryBank) -> tuple[torch.Tensor, ...]:
    return memory.s16, memory.s8, memory.s4


def sizes(memory: MemoryBank) -> list[torch.Size]:
    return [getattr(memory, name).shape for name in TABLES]


@pytest.mark.parametrize(
    ("frames", "searched"),
    [
        (1, [1]),
        (2, [2, 1]),
        (3, [3, 2]),
        (4, [4, 3, 1]),
        (15, [15, 14, 12, 8]),
        (16, [16, 15, 13, 9, 1]),
        (17, [17, 16, 14, 10, 2]),
        (40, [40, 39, 37, 33, 25]),
    ],
)
def test_frames_that_are_1_2_4_8_and_16_back_are_searched(frames: int, searched: list[int]) -> None:
    memory = filled(frames)
    assert numbers(memory, memory.recent_rows) == searched
    assert numbers(memory, [*memory.references, *memory.recent_rows]) == [1, *searched]
    assert torch.equal(memory.newest_masks_s4, memory.masks_s4[memory.recent_rows[0]])


def test_the_tables_do_not_grow_with_the_clip_and_forget_its_oldest_frames() -> None:
    memory = filled(1)
    size = sizes(memory)
    for number in range(2, 60):
        memory.add(numbered(number), chance_masks(number))
        assert sizes(memory) == size
    held = sorted(numbers(memory, list(range(len(memory.s16)))))
    assert held == [1, *range(44, 60)], "the reference and the last 16"


def test_masks_s8_are_means_of_the_four_s4_cells_in_quad_order() -> None:
    memory = filled(2)
    for row in [*memory.references, *memory.recent_rows]:
        grid = memory.masks_s4[row].view(4 * HEIGHT, 4 * WIDTH, 3).numpy()
        for y, x in np.ndindex(2 * HEIGHT, 2 * WIDTH):
            index = 4 * (y // 2 * WIDTH + x // 2) + 2 * (y % 2) + x % 2
            mean = grid[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean((0, 1))
            np.testing.assert_allclose(memory.masks_s8[row, index], mean, atol=1e-6)


def test_channels_of_a_cell_sum_to_1() -> None:
    memory = filled(20)
    memory.reserve(4)
    memory.correct(chance_masks(0, objects=4))
    for row in [*memory.references, *memory.recent_rows]:
        for masks in (memory.masks_s4[row], memory.masks_s8[row]):
            torch.testing.assert_close(masks.sum(-1), torch.ones(len(masks)))


def test_a_corrected_frame_has_other_masks_and_the_same_cells() -> None:
    memory, expected = filled(5), filled(5)
    expected.add(numbered(6), chance_masks(60))
    memory.add(numbered(6), chance_masks(6))
    memory.correct(chance_masks(60))
    for name in TABLES:
        assert torch.equal(getattr(memory, name), getattr(expected, name))
    assert torch.equal(memory.newest_masks_s4, chance_masks(60))


def test_a_correction_leaves_references_alone() -> None:
    memory = filled(1)
    memory.correct(chance_masks(9))
    assert numbers(memory, list(memory.references)) == [1]


def test_a_reference_is_kept_until_it_is_forgotten_and_its_row_used_again() -> None:
    memory = filled(1)
    (first,) = memory.references
    size = sizes(memory)
    memory.add(numbered(2), chance_masks(2))
    second = memory.make_reference()
    for number in range(3, 30):
        memory.add(numbered(number), chance_masks(number))
    assert list(memory.references) == [first, second]
    assert numbers(memory, [first, second]) == [1, 2]
    assert [now[0] - before[0] for now, before in zip(sizes(memory), size, strict=True)] == [1] * 5
    memory.forget(first)
    assert list(memory.references) == [second]
    assert numbers(memory, [*memory.references, *memory.recent_rows]) == [2, 29, 28, 26, 22, 14]
    size = sizes(memory)
    assert memory.make_reference() == first
    assert sizes(memory) == size
    assert numbers(memory, [second, first]) == [2, 29]


def test_objects_given_later_are_nowhere_in_what_is_remembered() -> None:
    memory = filled(4)
    before = memory.masks_s4.clone(), memory.masks_s8.clone()
    memory.reserve(4)
    for wide, narrow in zip((memory.masks_s4, memory.masks_s8), before, strict=True):
        assert torch.equal(wide[..., :3], narrow)
        assert wide.shape[-1] == 5
        assert not wide[..., 3:].any()
    memory.add(numbered(5), chance_masks(5, objects=4))
    assert torch.equal(memory.newest_masks_s4, chance_masks(5, objects=4))


def test_propagated_references_are_kept_frame_by_frame_and_object_by_object() -> None:
    memory = filled(3)
    first, second = (torch.full((2, 2 * HEIGHT, 2 * WIDTH), share) for share in (0.25, 0.5))
    memory.note_references(first)
    memory.add(numbered(4), chance_masks(4))
    memory.note_references(second)
    newest, older = (memory.references_s8[row] for row in memory.recent_rows[:2])
    assert torch.equal(older, first.flatten(1))
    memory.begin_references([1], torch.ones(1, 2 * HEIGHT, 2 * WIDTH))
    newest, older = (memory.references_s8[row] for row in memory.recent_rows[:2])
    assert newest[:, 0].tolist() == [0.5, 1]
    assert older[:, 0].tolist() == [0.25, 0]
    memory.reserve(3)
    assert memory.references_s8.shape == (16, 3, 4 * COUNT)
    memory.keep_objects([2, 3])
    assert memory.references_s8[memory.recent_rows[0]][:, 0].tolist() == [1, 0]


def reference_of(objects: list[tuple[int, int]]) -> torch.Tensor:
    """Mark the s16 cells that are searched if those s4 cells have a little of an object."""
    masks = torch.zeros(80, 84, 2)
    masks[..., 0] = 1
    for y, x in objects:
        masks[y, x] = torch.tensor([0.9, 0.1])
    memory = MemoryBank.new(numbered(0, (20, 21)), 2)
    memory.add(numbered(1, (20, 21)), masks.flatten(0, 1))
    searched = torch.zeros(20 * 21, dtype=torch.bool)
    searched[memory.references[memory.make_reference()]] = True
    return searched.view(20, 21)


def test_every_eighth_cell_of_a_reference_is_searched_each_way() -> None:
    assert reference_of([]).nonzero().tolist() == [[y, x] for y in (0, 8, 16) for x in (0, 8, 16)]


def test_all_cells_of_a_reference_near_its_objects_are_searched() -> None:
    expected = reference_of([])
    expected[10 - 4 : 10 + 5, 12 - 4 : 12 + 5] = True
    expected[:5, 20 - 4 :] = True
    assert torch.equal(reference_of([(4 * 10 + 3, 4 * 12), (0, 83)]), expected)


def test_what_is_remembered_is_a_copy() -> None:
    features, masks = make_frame(0, GRID, objects=1)
    memory = MemoryBank.new(features, 2)
    memory.add(features, masks)
    before = memory.s16.clone(), memory.masks_s4.clone()
    features.s16.zero_()
    masks.zero_()
    assert torch.equal(memory.s16, before[0])
    assert torch.equal(memory.masks_s4, before[1])
