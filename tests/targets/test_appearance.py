from __future__ import annotations

from dataclasses import replace

import torch
from made_targets import WIDTH, made_target

from persam_vos.targets.appearance import ObjectCells, compare
from persam_vos.targets.target import Cells, Target

CPU = torch.device("cpu")


def only_object(target: Target) -> Target:
    """The target of a picture that the object fills."""
    nothing = Cells(torch.zeros(0, WIDTH).half(), torch.zeros(0, 2).half())
    one = replace(target.references[0], background=nothing)
    return replace(target, references=(one,)).keep([1])


def test_cells_are_the_objects_own_or_of_something_else() -> None:
    target = made_target()
    first, second = (ObjectCells.of(target, column, CPU) for column in (0, 1))
    assert first.views == (slice(0, 3), slice(3, 9))  # half of the first reference, all of the next
    assert second.views == (slice(0, 3),)
    own = target.references[0].objects.features[1::2].float()
    assert torch.equal(second.own, own)
    assert len(first.other) == 3 + 5 + 5 + 1  # the other object, both backgrounds, and nothing
    assert len(second.other) == 3 + 5 + 6 + 5 + 1


def test_a_cell_of_the_object_is_like_it_and_one_beside_it_is_not() -> None:
    wanted = ObjectCells.of(made_target(), 0, CPU)
    cells = torch.cat([wanted.own[:2], wanted.other[1:3]])
    likeness = compare(cells, wanted, torch.ones(4, dtype=torch.bool))
    assert (likeness.probs[:2] > 0.5).all()
    assert (likeness.probs[2:] < 0.5).all()
    assert likeness.own.shape == (4, 9)
    assert torch.allclose(likeness.other[2:], torch.tensor(1.0), atol=1e-2)


def test_padding_is_not_the_object() -> None:
    wanted = ObjectCells.of(made_target(), 0, CPU)
    likeness = compare(wanted.own[:2], wanted, torch.tensor([True, False]))
    assert likeness.probs[0] > 0.5
    assert likeness.probs[1] == 0


def test_a_picture_that_the_object_fills_has_few_cells_to_compare() -> None:
    wanted = ObjectCells.of(only_object(made_target()), 0, CPU)
    likeness = compare(wanted.own, wanted, torch.ones(len(wanted.own), dtype=torch.bool))
    assert (likeness.probs > 0).all()
