"""How regions of a mask have moved: with the object as a whole, or apart from it.

Over each of the ages of the memory the object's motion is fitted by a similarity, to the cells that
are surely of it. A region moves apart if its mean motion is another, and all of it moves alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .candidate_search import cell_positions
from .correspondences import Correspondences, fit_similarity, rotate_and_scale
from .features import dilated
from .memory_bank import AGES, FOUR_FRAMES
from .pieces import sums

APART = (1.2, 1.5, 2.5, 3.25, 4.0)  # s8 cells from the object's motion, for AGES,
APART_SIZE = 0.032  # or so much of the object's size, times these
_WITH, _FROM_GROUND = 1.0, 2.0  # s8 cells: as the object, and that far from how the ground moves
_FITTED_CELLS, _FITTED_SHARE, _INLIERS = 20, 0.4, 0.6  # which a fit has to have
_KNOWN_CELLS, _KNOWN_SHARE, _COHERENT = 6, 0.3, 0.6  # which a region has to have
CLOSE = 1.5  # s8 cells from a fit, or from the mean
_GROUND_REACH = 8  # s8 cells round a mask
GROUND_CELLS = 15
_SMOOTHED = 5  # s8 cells on a side


@dataclass(frozen=True, slots=True)
class RegionMotions:
    """What the motions of N objects' regions tell; made by `region_motions`.

    (N, B) bool for the labels of the regions. At more ages than the other they moved ``apart`` from
    their object, or ``together`` with it while the ground moved otherwise. ``alike`` if over four
    frames or more they moved as it did, which may be not at all. ``as_object`` (N, H, W) is at how
    many more ages a cell, and those round it, moved as the object than otherwise.
    """

    apart: torch.Tensor
    together: torch.Tensor
    alike: torch.Tensor
    as_object: torch.Tensor


def region_motions(
    labels: torch.Tensor,
    areas: torch.Tensor,
    sure: torch.Tensor,
    inside: torch.Tensor,
    size: torch.Tensor,
    moved: Correspondences,
) -> RegionMotions:
    """Tell how the regions of N masks have moved.

    ``labels`` (N, H, W) int64 number their s8 cells, 0 where none is, ``areas`` (N, B) are how many
    these are. ``sure`` and ``inside`` (N, H, W) bool are the cells of each object that are surely
    its, and of its mask; ``size`` (N,) is the side of a square of its usual area.
    """
    cells = _Cells.of(labels, sure, inside, moved)
    apart, together, alike = (torch.zeros_like(areas) for _ in range(3))
    balance = torch.zeros_like(cells.region)
    for age, threshold in enumerate(APART[: len(moved.found)]):
        least = threshold * (APART_SIZE * size).clamp_min(1)
        found = _at_age(cells, areas, moved.mutual[age], cells.former[age])
        apart += found.known & (found.difference >= least[:, None])
        together += found.known & (found.difference < _WITH) & (found.from_ground >= _FROM_GROUND)
        if age >= min(FOUR_FRAMES, len(moved.found) - 1):
            alike += found.known & (found.difference < _WITH)
        closer = (found.distance < _WITH).float() - (found.distance >= least[:, None]).float()
        balance += closer * found.told
    smooth = (balance * inside.flatten(1)).view(inside.shape)
    as_object = F.avg_pool2d(
        smooth, _SMOOTHED, stride=1, padding=_SMOOTHED // 2, count_include_pad=False
    )
    return RegionMotions(apart > together, together > apart, alike > 0, as_object)


def area_growth(sure: torch.Tensor, moved: Correspondences) -> torch.Tensor:
    """Measure by which factor the areas of N objects grow in a frame, by their scale: (N,).

    ``sure`` (N, H, W) bool are their cells; 1 where too few are found again.
    """
    index = min(FOUR_FRAMES, len(moved.found) - 1)
    there = cell_positions(moved.found[index], sure.shape[2])
    here = cell_positions(torch.arange(len(there), device=there.device), sure.shape[2])
    weights = sure.flatten(1) & moved.mutual[index]
    slope, _, _ = fit_similarity(weights.float(), here, there.expand(len(weights), -1, -1))
    growth = slope.norm(dim=-1).clamp_min(0.1).pow(-2).clamp(0.5, 2) ** (1 / AGES[index])
    return torch.where(weights.sum(1) >= _FITTED_CELLS, growth, torch.ones_like(growth))


def ground_beside(inside: torch.Tensor) -> torch.Tensor:
    """Mark the cells round (N, H, W) masks that are not of them: (N, H W) bool."""
    near = dilated(inside.float(), _GROUND_REACH) > 0
    return (near & ~inside).flatten(1)


def median_step(steps: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return the median of the steps, (N, n, 2) or (n, 2), of (N, n) chosen cells: (N, 2)."""
    some = steps.expand(len(chosen), -1, -1).masked_fill(~chosen[..., None], torch.nan)
    return some.nanmedian(1).values.nan_to_num()


@dataclass(frozen=True, slots=True)
class _Cells:
    """Places of n cells, now (n, 2) and at A ages (A, n, 2), and what (N, n) they belong to."""

    current: torch.Tensor
    former: torch.Tensor
    labels: torch.Tensor
    region: torch.Tensor
    sure: torch.Tensor
    ground: torch.Tensor

    @classmethod
    def of(
        cls,
        labels: torch.Tensor,
        sure: torch.Tensor,
        inside: torch.Tensor,
        moved: Correspondences,
    ) -> _Cells:
        width = labels.shape[2]
        flat = labels.flatten(1)
        return cls(
            cell_positions(torch.arange(flat.shape[1], device=flat.device), width),
            cell_positions(moved.found, width),
            flat,
            (flat > 0).float(),
            sure.flatten(1),
            ground_beside(inside),
        )

    def mean(self, values: torch.Tensor, weights: torch.Tensor, bins: int) -> torch.Tensor:
        """Average (N, n) values over each region: (N, B)."""
        total = sums(self.labels, values * weights, bins)
        return total / sums(self.labels, weights, bins).clamp_min(1e-3)

    def mean_vector(self, vectors: torch.Tensor, weights: torch.Tensor, bins: int) -> torch.Tensor:
        """Average (N, n, 2) vectors over each region: (N, B, 2)."""
        return torch.stack([self.mean(part, weights, bins) for part in vectors.unbind(-1)], dim=-1)


@dataclass(frozen=True, slots=True)
class _AtAge:
    """Of regions, (N, B): ``known``, their ``difference`` from the object's motion, in cells, and
    how far the object's is ``from_ground``; of cells, (N, n): their ``distance`` from the object's
    motion, and 1 in ``told`` where it tells something.
    """

    known: torch.Tensor
    difference: torch.Tensor
    from_ground: torch.Tensor
    distance: torch.Tensor
    told: torch.Tensor


def _at_age(
    cells: _Cells, areas: torch.Tensor, mutual: torch.Tensor, former: torch.Tensor
) -> _AtAge:
    bins, objects = areas.shape[1], len(areas)
    former = former.expand(objects, -1, -1)
    weights = (cells.sure & mutual).float()
    slope, offset, distance = fit_similarity(weights, cells.current, former)
    total, close = weights.sum(1), (weights * (distance < CLOSE)).sum(1)
    fitted = (total >= _FITTED_CELLS) & (total >= _FITTED_SHARE * cells.sure.sum(1))
    fitted &= close >= _INLIERS * total
    known = cells.region * mutual
    steps = former - cells.current
    step = cells.mean_vector(steps, known, bins)
    off = (steps - step.gather(1, cells.labels[..., None].expand(-1, -1, 2))).norm(dim=-1)
    coherent = cells.mean((off < CLOSE).float(), known, bins) >= _COHERENT
    share = cells.mean(mutual.float().expand(objects, -1), cells.region, bins)
    as_object = rotate_and_scale(slope, cells.current) + offset[:, None]
    ground = cells.ground & mutual
    ground_step = median_step(steps, ground)[:, None]
    from_ground = (as_object - cells.current - ground_step).norm(dim=-1)
    enough = (ground.sum(1) > GROUND_CELLS)[:, None]
    return _AtAge(
        (share >= _KNOWN_SHARE) & (share * areas >= _KNOWN_CELLS) & coherent & fitted[:, None],
        cells.mean_vector(former - as_object, known, bins).norm(dim=-1),
        cells.mean(from_ground, known, bins) * enough,
        distance,
        (mutual & fitted[:, None]).float(),
    )
