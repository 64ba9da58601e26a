"""Dataclasses of tensors, taken apart and put together again."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from persam_vos.runtime.tensor_tree import same_tensors, tensors_of, update_in_place, with_tensors


@dataclass(frozen=True, slots=True)
class Leaf:
    values: torch.Tensor
    name: str = "leaf"
    missing: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    first: Leaf
    size_hw: tuple[int, int]
    pair: tuple[torch.Tensor, Leaf]


def branch(number: float, length: int = 2) -> Branch:
    one, two, three = (torch.full((length,), number + step) for step in range(3))
    return Branch(Leaf(one), (3, 4), (two, Leaf(three, "other")))


def test_tensors_come_in_the_order_of_the_fields() -> None:
    assert [tensor[0].item() for tensor in tensors_of(branch(1))] == [1, 2, 3]
    assert list(tensors_of((None, "text", 5))) == []


def test_a_tree_of_other_tensors_keeps_all_else() -> None:
    made = with_tensors(branch(1), tensors_of(branch(7)))
    assert [tensor[0].item() for tensor in tensors_of(made)] == [7, 8, 9]
    assert (made.size_hw, made.first.name, made.pair[1].name) == ((3, 4), "leaf", "other")
    assert made.first.missing is None


def test_what_has_the_same_sizes_is_written_in_place() -> None:
    old, new = branch(1), branch(5)
    before = list(tensors_of(old))
    assert update_in_place(old, new) is old
    assert same_tensors(before, tensors_of(old))
    assert [tensor[0].item() for tensor in before] == [5, 6, 7]


@pytest.mark.parametrize("old", [None, branch(1, length=3)], ids=["nothing", "other sizes"])
def test_what_has_other_sizes_is_replaced(old: Branch | None) -> None:
    new = branch(5)
    assert update_in_place(old, new) is new


def test_equal_tensors_are_not_the_same() -> None:
    assert not same_tensors(tensors_of(branch(1)), tensors_of(branch(1)))
    assert not same_tensors(tensors_of(branch(1)), [])
