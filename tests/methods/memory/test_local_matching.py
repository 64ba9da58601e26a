"""Cells that are found again, both ways, and how a piece has moved."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from persam_vos.methods.memory.local_matching import mean_motion, mutual_matches

HW = (20, 24)


def picture(seed: int = 0) -> torch.Tensor:
    rows = torch.randn(HW[0], HW[1], 16, generator=torch.Generator().manual_seed(seed))
    return F.normalize(rows, dim=-1)


def moved(features: torch.Tensor, y: int, x: int) -> torch.Tensor:
    return torch.roll(features, (y, x), (0, 1))


def test_what_has_moved_is_found_where_it_was() -> None:
    former = picture()
    current = moved(former, 2, -1)
    cells = torch.tensor([5 * 24 + 6, 12 * 24 + 20])
    found, mutual = mutual_matches(
        current.flatten(0, 1), former.flatten(0, 1), cells, HW, reach=3, prior=1e-3, tolerance=0
    )
    assert found.tolist() == [3 * 24 + 7, 10 * 24 + 21]
    assert mutual.all()


def test_what_is_new_or_too_far_is_not_found() -> None:
    former = picture()
    current = moved(former, 5, 0)
    current[3, 4] = -former[3, 4]
    cells = torch.tensor([10 * 24 + 6, 3 * 24 + 4, 0])
    _, mutual = mutual_matches(
        current.flatten(0, 1), former.flatten(0, 1), cells, HW, reach=3, prior=1e-3, tolerance=0
    )
    assert not mutual.any()


def test_no_cells_are_no_matches() -> None:
    rows = picture().flatten(0, 1)
    nothing = torch.zeros(0, dtype=torch.int64)
    found, mutual = mutual_matches(rows, rows, nothing, HW, reach=3, prior=0.0, tolerance=0)
    assert len(found) == len(mutual) == 0


@pytest.mark.parametrize("step", [(0, 0), (3, -2), (-4, 6)])
def test_motion_is_that_of_the_mask_alone(step: tuple[int, int]) -> None:
    former = picture()
    current, other = picture(1), moved(former, *step)
    mask = torch.zeros(HW, dtype=torch.bool)
    mask[7:13, 8:15] = True
    current[mask] = other[mask]
    motion, share = mean_motion(current.flatten(0, 1), former.flatten(0, 1), mask, HW)
    assert motion.tolist() == pytest.approx(step)
    assert share == 1


def test_motion_of_little_is_not_known() -> None:
    rows = picture().flatten(0, 1)
    mask = torch.zeros(HW, dtype=torch.bool)
    assert mean_motion(rows, rows, mask, HW)[1] == 0
    mask[3, 3:6] = True
    assert mean_motion(rows, rows, mask, HW)[1] == 0
    mask[4, 3:6] = True
    motion, share = mean_motion(rows, rows, mask, HW)
    assert (motion.tolist(), float(share)) == ([0, 0], 1)
