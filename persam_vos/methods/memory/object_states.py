"""What the memory method knows of its objects: a row for each, in the order they were given.

Vacant rows may follow, all zeros: objects that are nowhere, look like nothing, and are not lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import torch

from ...stages.targets import Appearance
from ...stages.thin_structures import Thinness
from .templates import Portraits, make_portraits

T = TypeVar("T")
"""Something made of tensors whose first axis counts objects."""


@dataclass(frozen=True, slots=True)
class Roster:
    """What is known of N objects; all tensors are on the device, and written in place.

    ``appearance``, ``portraits``, ``shown_cells`` (how many middle cells each object filled) and
    ``thinness`` are of their reference frames, ``witnesses`` portraits of older frames in which
    they were recognised, ``witness_ages`` those frames' ages. An object is ``lost`` until it is
    found again; ``doubted`` frames in a row had only a remnant of it that nobody but the memory
    saw. All counts and marks are (N,).
    """

    ids: torch.Tensor  # uint8; 0 where vacant
    appearance: Appearance
    portraits: Portraits
    witnesses: Portraits
    shown_cells: torch.Tensor
    thinness: Thinness
    witness_ages: torch.Tensor
    lost: torch.Tensor
    doubted: torch.Tensor

    def witness(self, witnessed: torch.Tensor, middle: torch.Tensor, shares: torch.Tensor) -> None:
        """Make new portraits of those who were ``witnessed``, (N,) bool.

        ``middle`` (n, D) are the frame's middle cells, ``shares`` (N, n) the objects' of them.
        """
        self.witness_ages.masked_fill_(witnessed, 0)
        seen = make_portraits(middle, shares)
        for kept, new in (
            (self.witnesses.own, seen.own),
            (self.witnesses.others, seen.others),
        ):
            kept.cells.copy_(torch.where(witnessed[:, None, None], new.cells, kept.cells))
            kept.there.copy_(torch.where(witnessed[:, None], new.there, kept.there))


def new_roster(
    ids: tuple[int, ...],
    appearance: Appearance,
    middle: torch.Tensor,
    shares: torch.Tensor,
    thinness: Thinness,
) -> Roster:
    """Enter N objects by their reference frame: its (n, D) middle cells, their (N, n) shares."""
    device = middle.device
    portraits = make_portraits(middle, shares)
    none = torch.zeros(len(ids), dtype=torch.int64, device=device)
    return Roster(
        ids=torch.tensor(ids, dtype=torch.uint8, device=device),
        appearance=appearance,
        portraits=portraits,
        witnesses=portraits,
        shown_cells=(shares >= 0.5).sum(1),
        thinness=thinness,
        witness_ages=none,
        lost=none > 0,
        doubted=none,
    )


def joined(old: T | None, new: T, rows: list[int], room: int) -> T:
    """Put two batches of objects together and take ``rows`` of them, counted on through both.

    Zeros follow, to ``room`` rows. The result is a copy.
    """

    def part(old: Any, new: Any) -> Any:
        if isinstance(new, torch.Tensor):
            taken = (new if old is None else torch.cat([old, new]))[rows]
            vacant = taken.new_zeros((room - len(rows), *taken.shape[1:]))
            return torch.cat([taken, vacant])
        names = [field.name for field in fields(new)]
        return type(new)(*(part(old and getattr(old, n), getattr(new, n)) for n in names))

    together: T = part(old, new)
    return together


def tensors_of(state: object) -> Iterator[torch.Tensor]:
    """List the tensors that a dataclass is made of, and those in its fields."""
    if isinstance(state, torch.Tensor):
        yield state
    elif is_dataclass(state):
        for field in fields(state):
            yield from tensors_of(getattr(state, field.name))


def renewed(old: T | None, new: T) -> T:
    """Write what is ``new`` over ``old``, if that has the same sizes, and return what holds now."""
    pairs = list(zip(tensors_of(old), tensors_of(new), strict=False))
    if old is None or any(one.shape != other.shape for one, other in pairs):
        return new
    for one, other in pairs:
        one.copy_(other)
    return old
