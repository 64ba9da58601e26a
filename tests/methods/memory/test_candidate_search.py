"""Candidates against a search cell by cell, in both ways; their order does not matter."""

from __future__ import annotations

import pytest
import torch
from memory_frames import make_frame, remember

from persam_vos.methods.memory import candidate_search
from persam_vos.methods.memory.candidate_search import SpatialPrior, squared_distance
from persam_vos.methods.memory.features import FrameFeatures
from persam_vos.methods.memory.memory_bank import MemoryBank

REACH, WINDOWED, TOP_K = 8, 3, 6


def prior_for(bank: MemoryBank, strength: float) -> SpatialPrior:
    cells = bank.s16.shape[1]
    return SpatialPrior(strength, torch.ones(cells), torch.ones(len(bank.s16), cells))


def by_hand(query: FrameFeatures, bank: MemoryBank, cell: int, strength: float) -> set[int]:
    """Take the most similar cells of each remembered frame, less the distance's due."""
    (height, width), count = bank.grid_hw, bank.s16.shape[1]
    recent, found = [int(row) for row in bank.recent_rows], set()
    for row in [*recent, *bank.references]:
        others = bank.references.get(row, torch.arange(height * width))
        apart = torch.stack([others // width - cell // width, others % width - cell % width])
        if row in recent[:WINDOWED]:
            others = others[(apart.abs() <= REACH).all(0)]
        distance = squared_distance(torch.tensor([cell]), others[None], width)[0]
        similarity = bank.s16[row, others] @ query.s16[cell] - strength * distance
        found |= {row * count + int(others[i]) for i in similarity.argsort(descending=True)[:TOP_K]}
    return found


@pytest.mark.parametrize("static", [False, True], ids=["sparse", "dense"])
@pytest.mark.parametrize("grid_hw", [(5, 7), (3, 23), (2, 3)])
@pytest.mark.parametrize("strength", [0.0, 3e-3])
def test_candidates_are_the_most_similar_cells_of_each_frame(
    grid_hw: tuple[int, int], strength: float, static: bool
) -> None:
    memory = remember(grid_hw, objects=2, later=5, references=(0, 2), static=static)
    query, _ = make_frame(100, grid_hw, objects=2)
    selected = torch.arange(grid_hw[0] * grid_hw[1])
    found = memory.search(query, memory.bank, selected, prior_for(memory.bank, strength))
    for cell in selected.tolist():
        expected = by_hand(query, memory.bank, cell, strength)
        got = set(found[cell].tolist())
        # Where fewer cells than TOP_K can be searched, what fills the places is masked.
        assert expected <= got
        assert static or got == expected


def test_some_cells_have_the_candidates_that_they_have_among_all() -> None:
    memory = remember((6, 9), objects=2, later=4)
    query, _ = make_frame(100, (6, 9), objects=2)
    prior = prior_for(memory.bank, 1e-3)
    everything = memory.search(query, memory.bank, torch.arange(54), prior)
    some = torch.tensor([3, 17, 40])
    found = memory.search(query, memory.bank, some, prior)
    for got, expected in zip(found, everything[some], strict=True):
        assert set(got.tolist()) == set(expected.tolist())


def test_tables_of_a_search_are_its_own() -> None:
    first, second = (
        candidate_search.DenseCandidateSearch((4, 5), torch.device("cpu")) for _ in range(2)
    )
    assert first._all_tiles.view is not second._all_tiles.view


def test_distance_is_squared_in_cells() -> None:
    got = squared_distance(torch.tensor([0, 9]), torch.tensor([[0, 5, 9], [0, 5, 9]]), 5)
    assert got.tolist() == [[0, 1, 17], [17, 16, 0]]
