from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch

from persam_vos.structures import Encoded, Frame
from persam_vos.targets.find import Found, TargetFinder
from persam_vos.tracking.target_refind import EVERY, FoundAgain, TargetRefinder


@dataclass
class Finder:
    """Finds what it is asked for in the left column."""

    object_ids: tuple[int, ...] = (1, 2)
    wanted: list[list[int]] = field(default_factory=list)

    def __call__(self, encoded: Encoded, wanted: Collection[int]) -> Found:
        del encoded
        self.wanted.append(sorted(wanted))
        labels = np.zeros((2, 3), np.uint8)
        labels[:, 0] = max(wanted)
        return Found(labels, dict.fromkeys(wanted, 0.95))


def refinder(finder: Finder) -> TargetRefinder:
    return TargetRefinder(cast("TargetFinder", finder))


def encoded(index: int) -> Encoded:
    frame = Frame(index, f"{index:05d}", np.zeros((2, 3, 3), np.uint8), 0.0)
    return Encoded(frame, torch.zeros(1), (2, 3), torch.zeros(1))


def test_objects_that_are_seen_are_not_looked_for() -> None:
    finder = Finder()
    labels = refinder(finder)(encoded(5), np.array([[1, 0, 2], [0, 0, 0]], np.uint8))
    assert not labels.any()
    assert finder.wanted == []


def test_an_object_that_is_missing_is_found_and_told() -> None:
    finder = Finder()
    look = refinder(finder)
    tracked = np.array([[1, 1, 0], [0, 0, 0]], np.uint8)
    labels = look(encoded(10), tracked)
    assert finder.wanted == [[2]]
    assert labels.tolist() == [[0, 0, 0], [2, 0, 0]]  # what is tracked stays as it is
    assert look.in_order == (FoundAgain(10, 2, 0.95),)


def test_what_was_found_is_in_order_of_frames() -> None:
    look = refinder(Finder())
    for index in (10, 5):
        look(encoded(index), None)
    assert [one.frame for one in look.in_order] == [5, 10]


def test_few_frames_are_looked_at() -> None:
    look = refinder(Finder())
    assert [index for index in range(12) if look.due(index)] == [0, EVERY, 2 * EVERY]
