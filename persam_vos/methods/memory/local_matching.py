"""Cells of a frame found again in an earlier one, near where they are: how things have moved."""

from __future__ import annotations

import torch

_ALIKE = 0.5  # a match is no less similar
_SAMPLES = 200  # cells that the motion of a piece is measured by
_REACH = 9  # s8 cells that it may move
_PRIOR = 5e-5  # of similarity per squared s8 cell
_LEAST = 6  # matches that a motion is known by


def mutual_matches(
    current: torch.Tensor,
    former: torch.Tensor,
    cells: torch.Tensor,
    grid_hw: tuple[int, int],
    *,
    reach: int,
    prior: float,
    tolerance: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find (Q,) ``cells`` of a frame again in a former one, within ``reach`` cells each way.

    ``current`` and ``former`` are (n, D) features of norm 1, in raster order. ``prior`` times the
    squared distance, in cells, is subtracted from similarities. Returns the former cells, (Q,), and
    which of the matches are mutual, (Q,) bool: matched back, they end within ``tolerance`` cells.
    """
    found, similarity = _best(current, former, cells, grid_hw, reach, prior)
    back, _ = _best(former, current, found, grid_hw, reach, prior)
    width = grid_hw[1]
    off = torch.maximum(
        (back // width - cells // width).abs(), (back % width - cells % width).abs()
    )
    return found, (off <= tolerance) & (similarity > _ALIKE)


def mean_motion(
    current: torch.Tensor, former: torch.Tensor, mask: torch.Tensor, grid_hw: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Measure how a mask, (H, W) bool, has moved: (2,) cells, y and x, and the share that is known.

    The mean of the middle half of mutual matches of its cells, of some if there are many. The share
    is 0 if matches are too few.
    """
    inside = mask.flatten()
    count = inside.sum().clamp_min(1)
    first = torch.argsort(~inside, stable=True)  # the cells of the mask, then the others
    places = torch.linspace(0, 1, _SAMPLES, device=mask.device) * (count - 1)
    cells = first[places.long()]
    found, mutual = mutual_matches(
        current, former, cells, grid_hw, reach=_REACH, prior=_PRIOR, tolerance=1
    )
    width = grid_hw[1]
    motion = torch.stack([cells // width - found // width, cells % width - found % width], 1)
    share = mutual.float().mean()
    known = share * count.clamp_max(_SAMPLES) >= _LEAST
    ordered = motion.float().masked_fill(~mutual[:, None], torch.inf).sort(0).values
    rank = torch.arange(_SAMPLES, device=mask.device)
    matched = mutual.sum()
    middle = (rank >= matched // 4) & (rank < matched - matched // 4)
    mean = ordered.masked_fill(~middle[:, None], 0).sum(0) / middle.sum().clamp_min(1)
    return mean, share * known


def _best(
    own: torch.Tensor,
    other: torch.Tensor,
    cells: torch.Tensor,
    grid_hw: tuple[int, int],
    reach: int,
    prior: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the most similar cell of another frame near each of (Q,) cells, and how similar."""
    height, width = grid_hw
    steps = torch.arange(-reach, reach + 1, device=cells.device)
    y = (cells // width)[:, None, None] + steps[:, None]
    x = (cells % width)[:, None, None] + steps
    there = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    places = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).flatten(1)
    keys = other.index_select(0, places.flatten()).view(*places.shape, other.shape[1])
    similarity = (keys @ own[cells, :, None])[..., 0].float()
    distance = (steps[:, None] ** 2 + steps**2).flatten()
    similarity = similarity - prior * distance
    best = similarity.masked_fill(~there.flatten(1), -torch.inf).max(1)
    return places.gather(1, best.indices[:, None])[:, 0], best.values
