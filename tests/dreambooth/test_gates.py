"""What is worth a look is noticed, and nothing else."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from persam_vos.dreambooth import gates
from persam_vos.dreambooth.gates import Gate, Mask, Side, SubjectFacts, cut_sides, subject_facts

SIZE_HW = (600, 800)


def box_mask(x0: int, y0: int, x1: int, y1: int) -> Mask:
    mask = np.zeros(SIZE_HW, np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask


def facts_of(mask: Mask, presence: float = 1.0) -> SubjectFacts:
    return subject_facts(mask, 512, presence=presence, given=False)


@pytest.mark.parametrize(
    ("mask", "presence", "expected"),
    [
        (box_mask(200, 150, 500, 450), 1.0, ()),
        (box_mask(200, 150, 200, 150), 0.3, ("not found",)),
        (box_mask(200, 150, 500, 450), 0.92, ("unsure",)),
        (box_mask(200, 150, 270, 220), 1.0, ("tiny",)),
        (box_mask(0, 150, 300, 450), 1.0, ("cut off",)),
        (box_mask(0, 150, 60, 220), 0.92, ("unsure", "tiny", "cut off")),
    ],
)
def test_gates(mask: Mask, presence: float, expected: tuple[Gate, ...]) -> None:
    assert facts_of(mask, presence).gates == expected


def test_cells_are_those_of_the_photo_as_it_is_trained_on() -> None:
    facts = facts_of(box_mask(0, 0, 75, 75))  # 75 x 75 of 600 rows are 64 x 64 of 512
    assert facts.latent_cells == pytest.approx(64)
    assert facts.coverage == pytest.approx(75 * 75 / (600 * 800))
    finer = subject_facts(box_mask(0, 0, 75, 75), 1024, presence=1, given=True)
    assert finer.latent_cells == pytest.approx(256)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 100, 300, 400), ("left",)),
        ((100, 0, 300, 400), ("top",)),
        ((600, 100, 799, 400), ("right",)),
        ((100, 300, 400, 598), ("bottom",)),
        ((0, 0, 800, 600), ("left", "top", "right", "bottom")),
        ((10, 10, 790, 590), ()),
    ],
)
def test_an_edge_cuts_off_even_if_the_outline_ends_a_pixel_before_it(
    box: tuple[int, int, int, int], expected: tuple[Side, ...]
) -> None:
    assert cut_sides(box_mask(*box)) == expected


def test_what_merely_touches_an_edge_is_not_cut_off() -> None:
    whole = box_mask(100, 100, 500, 500) | box_mask(500, 300, 800, 320)  # a tail
    assert cut_sides(whole) == ()


def test_gates_are_told_with_what_was_measured() -> None:
    facts = facts_of(box_mask(0, 150, 60, 220), 0.92)
    told = [facts.describe(gate) for gate in facts.gates]
    assert told == ["unsure: 92%", "tiny: 48 cells of the latent", "cut off: left"]
    assert doctest.testmod(gates).failed == 0
