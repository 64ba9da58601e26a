"""What the memory method knows of its objects: a row for each, in the order they were given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch

from ..memory.portraits import Portraits, make_portraits
from ..stages.targets import Appearance
from ..stages.thin import Thinness

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

    ids: torch.Tensor  # uint8
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


def joined(old: T | None, new: T, rows: list[int]) -> T:
    """Put two batches of objects together and take ``rows`` of them, counted on through both.

    The result is a copy.
    """

    def part(old: Any, new: Any) -> Any:
        if isinstance(new, torch.Tensor):
            return (new if old is None else torch.cat([old, new]))[rows]
        names = [field.name for field in fields(new)]
        return type(new)(*(part(old and getattr(old, n), getattr(new, n)) for n in names))

    merged: T = part(old, new)
    return merged
