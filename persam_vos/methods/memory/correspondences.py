"""Where the cells of a frame were in earlier frames, and how an object has moved as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .features import to_raster_order
from .memory_bank import MemoryBank
from .readout import Matches

_ALIKE = 0.5  # a match is no less similar
_ROUNDS = 3  # of weighted least squares


@dataclass(frozen=True, slots=True)
class Correspondences:
    """Where the n s8 cells of a frame, in raster order, were in the A recent frames of a memory.

    ``found`` (A, n) int64 are the most similar s8 cells there, in raster order. ``mutual`` (A, n)
    bool tells which are one-to-one: alike, and no other cell is more similar to the cell that was
    found. Cells that resemble nothing near an object were not compared, and are never mutual.
    """

    found: torch.Tensor
    mutual: torch.Tensor


def correspondences(matches: Matches | None, bank: MemoryBank) -> Correspondences:
    """Collect the correspondences of a frame, which was matched with a memory bank."""
    height, width = (2 * side for side in bank.grid_hw)
    count, frames, device = height * width, bank.recent_count, bank.s8.device
    found = torch.zeros((count, frames), dtype=torch.int64, device=device)
    if matches is None:
        return Correspondences(found.T, found.T > 0)
    similarity = torch.full((count, frames), -1.0, device=device)
    quarters = (4 * matches.cells[:, None] + torch.arange(4, device=device)).flatten()
    found[quarters] = matches.nearest.cells.flatten(0, 1)
    similarity[quarters] = matches.nearest.similarity.flatten(0, 1).float()
    raster = torch.arange(count, device=device)
    order = to_raster_order(raster, (height, width))  # the cell in quad order at each place
    places = torch.empty_like(raster).index_copy_(0, order, raster)
    found = places[found[order].T]
    similarity = similarity[order].T
    best = matches.nearest.best_back[:, order].gather(1, found)
    return Correspondences(found, (similarity > _ALIKE) & (similarity >= best))


def rotate_and_scale(slope: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Multiply (..., n, 2) places by (..., 2) slopes, as complex numbers."""
    cosine, sine = slope[..., None, :].unbind(-1)
    x, y = places.unbind(-1)
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], dim=-1)


def fit_similarity(
    weights: torch.Tensor, current: torch.Tensor, former: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Fit how things moved, former = slope * current + offset, by robust least squares.

    ``weights`` (..., n), places ``current`` (n, 2) and ``former`` (..., n, 2), in cells. The slope
    (..., 2) is a complex number (see `rotate_and_scale`), the offset is (..., 2). Also returns how
    far (..., n) the former places are from it. Reweighted by Cauchy's weights with a scale of one
    cell.
    """
    robust = weights
    for _ in range(_ROUNDS):
        total = robust.sum(-1)[..., None].clamp_min(1e-3)
        here = (robust[..., None] * current).sum(-2) / total
        there = (robust[..., None] * former).sum(-2) / total
        (x, y), (u, v) = (
            (part - mean[..., None, :]).unbind(-1)
            for part, mean in ((current, here), (former, there))
        )
        power = (robust * (x * x + y * y)).sum(-1).clamp_min(1e-3)
        slope = torch.stack(
            [(robust * (x * u + y * v)).sum(-1), (robust * (x * v - y * u)).sum(-1)], dim=-1
        )
        slope = slope / power[..., None]
        offset = there - rotate_and_scale(slope, here[..., None, :])[..., 0, :]
        distance = (former - rotate_and_scale(slope, current) - offset[..., None, :]).norm(dim=-1)
        robust = weights / (1 + distance.square())
    return slope, offset, distance
