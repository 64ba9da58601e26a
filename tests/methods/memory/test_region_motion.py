"""Regions move apart from their object, with it, or so little that neither can be told."""

from __future__ import annotations

import pytest
import torch
from memory_scenes import HW, masks_of

from persam_vos.methods.memory.correspondences import Correspondences
from persam_vos.methods.memory.region_motion import RegionMotions, area_growth, region_motions

OBJECT, REGION = (4, 4, 14, 14), (4, 14, 14, 18)
Step = tuple[float, float]
"""Cells that things moved in a frame, to the right and down."""


def moved_by(object_step: Step, region_step: Step, ground_step: Step = (0, 0)) -> Correspondences:
    """Correspondences with frames 1, 2 and 4 back, all mutual where they come from the picture."""
    body, region = masks_of([OBJECT], [REGION])
    found, mutual = [], []
    y, x = torch.meshgrid(*(torch.arange(side) for side in HW), indexing="ij")
    for age in (1, 2, 4):
        step = torch.tensor(ground_step, dtype=torch.float32).expand(*HW, 2).clone()
        step[body > 0] = torch.tensor(object_step, dtype=torch.float32)
        step[region > 0] = torch.tensor(region_step, dtype=torch.float32)
        fx, fy = (x - age * step[..., 0]).round().long(), (y - age * step[..., 1]).round().long()
        mutual.append(((fx >= 0) & (fx < HW[1]) & (fy >= 0) & (fy < HW[0])).flatten())
        found.append((fy.clamp(0, HW[0] - 1) * HW[1] + fx.clamp(0, HW[1] - 1)).flatten())
    return Correspondences(torch.stack(found), torch.stack(mutual))


def motions(moved: Correspondences, size: float = 12.0) -> tuple[RegionMotions, int]:
    """Ask about the region; also returns its label."""
    body, region = (mask[None] > 0 for mask in masks_of([OBJECT], [REGION]))
    label = 5
    areas = torch.zeros(1, 9)
    areas[0, label] = region.sum()
    sizes = torch.tensor([size])
    return region_motions(label * region.long(), areas, body, body | region, sizes, moved), label


@pytest.mark.parametrize(
    ("object_step", "region_step", "apart", "together", "alike"),
    [
        pytest.param((1, 0), (1, 0), False, True, True, id="with the object"),
        pytest.param((1, 0), (0, 0), True, False, False, id="stays where it is"),
        pytest.param((0, 0), (0, 1), True, False, False, id="moves on its own"),
        pytest.param((0, 0), (0, 0), False, False, True, id="nothing moves"),
        pytest.param((1, 0), (0.9, 0), False, True, True, id="nearly with it"),
    ],
)
def test_regions_move_apart_or_together(
    object_step: Step, region_step: Step, apart: bool, together: bool, alike: bool
) -> None:
    found, label = motions(moved_by(object_step, region_step))
    told = (found.apart, found.together, found.alike)
    assert [bool(part[0, label]) for part in told] == [apart, together, alike]
    others = torch.arange(9) != label
    assert not any(part[0, others].any() for part in told)


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames_tell_of_motion_too(frames: int) -> None:
    moved = moved_by((1, 0), (1, 0))
    found, label = motions(Correspondences(moved.found[:frames], moved.mutual[:frames]))
    assert found.alike[0, label]
    moved = moved_by((0, 0), (2, 0))
    found, label = motions(Correspondences(moved.found[:frames], moved.mutual[:frames]))
    assert found.apart[0, label]


def test_a_difference_is_as_large_as_the_object() -> None:
    """What is apart for a small object may be a part of a large one, which moves its parts."""
    moved = moved_by((1, 0), (0.25, 0))
    small, label = motions(moved)
    large, _ = motions(moved, size=60.0)
    assert small.apart[0, label]
    assert not large.apart[0, label]


def test_what_is_not_found_again_tells_nothing() -> None:
    moved = moved_by((1, 0), (0, 0))
    region = (masks_of([REGION])[0] > 0).flatten()
    found, label = motions(Correspondences(moved.found, moved.mutual & ~region))
    assert not found.apart[0, label]
    body = (masks_of([OBJECT])[0] > 0).flatten()
    found, label = motions(Correspondences(moved.found, moved.mutual & ~body))
    assert not found.apart[0, label]


def test_what_is_scattered_tells_nothing() -> None:
    moved = moved_by((1, 0), (0, 0))
    region = (masks_of([REGION])[0] > 0).flatten()
    random = torch.randint(HW[0] * HW[1], moved.found.shape, generator=torch.manual_seed(0))
    found, label = motions(Correspondences(torch.where(region, random, moved.found), moved.mutual))
    assert not found.apart[0, label]


def test_cells_that_moved_as_the_object_are_told_within_a_region() -> None:
    moved = moved_by((1, 0), (0, 0))
    kept = (masks_of([(4, 14, 14, 16)])[0] > 0).flatten()
    y, x = (torch.arange(HW[0] * HW[1]) // HW[1], torch.arange(HW[0] * HW[1]) % HW[1])
    shifted = torch.stack([y * HW[1] + (x - age).clamp_min(0) for age in (1, 2, 4)])
    found, _ = motions(Correspondences(torch.where(kept, shifted, moved.found), moved.mutual))
    assert found.as_object[0, 9, 14] > 0.2
    assert found.as_object[0, 9, 17] < 0


def test_an_object_that_comes_nearer_grows() -> None:
    sure = masks_of([(4, 4, 20, 20)], [(0, 0, 2, 2)]) > 0
    y, x = (torch.arange(HW[0] * HW[1]) // HW[1], torch.arange(HW[0] * HW[1]) % HW[1])

    def scaled(factor: float) -> torch.Tensor:
        fy, fx = ((12 + (part - 12) / factor).round().long().clamp(0, 23) for part in (y, x))
        return fy * HW[1] + fx

    ages = (1, 2, 4)
    found = torch.stack([scaled(1.05**age) for age in ages])
    growth = area_growth(sure, Correspondences(found, torch.ones_like(found, dtype=torch.bool)))
    assert float(growth[0]) == pytest.approx(1.05**2, abs=0.01)
    assert float(growth[1]) == 1  # too few cells to tell
