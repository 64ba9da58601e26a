"""Recall masks from remembered frames: dense propagation of soft masks in feature space.

Every coarse cell that an object can be in asks each remembered frame for its most similar cells;
the quarters of these are compared with its own quarters, and the best lend them their masks. Where
that leaves doubt, at outlines and thin things, the same is done once more among the fine cells
round those matches. All objects travel as channels of one mask tensor, so that the affinity, which
is what costs, is shared between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .cells import Cells, by_quads, by_rows
from .tables import Memory

_WINDOW = 8  # coarse cells each way that the last frames are searched in: 128 input pixels
_WINDOWED = 3  # of the recent frames; since the older ones an object may have come any way
_OFFERED = 6  # coarse cells that each remembered frame offers
_NEIGHBOURS = 8  # middle cells that each quarter listens to
_TEMPERATURE = 0.05  # of the softmax over their similarities
_FINE_TEMPERATURE = 0.02  # fine cells listen to all that lie round those matches
_MIDDLE_SHARE = 0.5  # of a fine similarity: that of the middle cells that the fine ones lie round
_TRUTH_BONUS = 0.05  # of similarity to true masks: e times the weight; holds drift back
_FINE_TRUTH_BONUS = 0.06
_DOUBT = 0.02  # a middle cell that is surer than this of every object is not looked at more closely
_MIN_SHARE = 0.01  # of a cell; bounds the recalled log-odds to +-4.6
_FORBIDDEN = -9.0  # below any similarity


@dataclass(frozen=True, slots=True)
class _Matches:
    """The best middle cells for the quarters of Q coarse cells: (Q, 4, k) each.

    ``places`` are places in the memory's middle tables laid end to end; ``similarity`` leaves the
    bonus of true masks out; ``weights`` sum to 1.
    """

    places: torch.Tensor
    similarity: torch.Tensor
    weights: torch.Tensor


def recall(cells: Cells, memory: Memory, near: torch.Tensor) -> torch.Tensor:
    """Recall the masks of a frame, in log-odds: (N, 4h, 4w) for (h, w) coarse cells.

    The coarse cells marked in ``near``, (h, w) bool, are computed; all others are background.
    """
    chosen = near.flatten().nonzero()[:, 0]  # (Q,)
    count = len(cells.coarse)
    shares = memory.shares.new_full((count, 4, memory.shares.shape[-1] - 1), _MIN_SHARE)
    if not len(chosen):
        return _upsampled(shares, cells.grid_hw)
    matches = _match_middle(cells, memory, chosen)
    found = _rows_of(memory.shares.flatten(0, 1), matches.places)  # (Q, 4, k, 1 + N)
    found = (matches.weights[..., None, :] @ found)[..., 0, 1:]
    shares[chosen] = found.clamp(_MIN_SHARE, 1 - _MIN_SHARE)
    recalled = _upsampled(shares, cells.grid_hw)
    doubtful = _doubtful(shares, cells.grid_hw).view(count, 4)[chosen]  # (Q, 4)
    quarters = (4 * chosen[:, None] + torch.arange(4, device=chosen.device))[doubtful]  # (B,)
    if len(quarters):
        places, similarity = matches.places[doubtful], matches.similarity[doubtful]
        _refine(recalled, cells, memory, quarters, places, similarity)
    return recalled


def cells_near(masks: torch.Tensor, grid_hw: tuple[int, int], *, reach: int) -> torch.Tensor:
    """Mark the coarse cells within ``reach`` cells of an object of (16 h w, 1 + N) masks."""
    height, width = grid_hw
    objects = masks[:, 1:].amax(-1).view(1, 4 * height, 4 * width)
    there = (F.avg_pool2d(objects, 2) > 0.1).float()
    cells = F.max_pool2d(there, 2)
    grown: torch.Tensor = F.max_pool2d(cells, 2 * reach + 1, stride=1, padding=reach)[0] > 0
    return grown


def _match_middle(cells: Cells, memory: Memory, chosen: torch.Tensor) -> _Matches:
    """Find the middle cells most like each quarter of the ``chosen`` coarse cells."""
    count = len(cells.coarse)
    coarse = cells.coarse[chosen]
    quarters = cells.middle.view(count, 4, -1)[chosen]  # (Q, 4, D)
    outside = _outside_window(chosen, cells.grid_hw)
    windowed = memory.recent[:_WINDOWED]
    children = torch.arange(4, device=chosen.device)
    parts, places = [], []
    for row in memory.rows:
        offered = _offered(coarse, memory, row, outside if row in windowed else None)
        keys = _rows_of(memory.middle[row].view(count, -1), offered)  # (Q, c, 4 D)
        keys = keys.view(len(chosen), -1, cells.middle.shape[1])
        part = torch.bmm(quarters, keys.transpose(1, 2))  # (Q, 4, 4 c)
        parts.append(part + _TRUTH_BONUS if row in memory.references else part)
        places.append((4 * (row * count + offered[..., None]) + children).flatten(1))
    similarity = torch.cat(parts, dim=-1)
    best, index = similarity.topk(min(_NEIGHBOURS, similarity.shape[-1]), dim=-1)
    table = torch.cat(places, dim=-1)[:, None].expand(-1, 4, -1)
    found = table.gather(-1, index)
    true = _is_true(found, memory, 4 * count)
    return _Matches(found, best - _TRUTH_BONUS * true, (best / _TEMPERATURE).softmax(-1))


def _offered(
    coarse: torch.Tensor, memory: Memory, row: int, outside: torch.Tensor | None
) -> torch.Tensor:
    """Find the coarse cells of a remembered frame that are most like some, (Q, D): (Q, c)."""
    searched = memory.references.get(row)
    keys = memory.coarse[row] if searched is None else _rows_of(memory.coarse[row], searched)
    affinity = coarse @ keys.T
    if outside is not None:
        affinity += outside
    if searched is not None:
        return searched[affinity.topk(min(_OFFERED, len(keys)), dim=-1).indices]
    return _largest(affinity.view(len(coarse), *memory.grid_hw), _OFFERED)


def _largest(values: torch.Tensor, count: int) -> torch.Tensor:
    """Find the places of the ``count`` largest of each (Q, h, w): (Q, count), in no order.

    They lie in the ``count`` rows with the largest maxima: the others need not be sorted.
    """
    height, width = values.shape[1:]
    rows = values.amax(-1).topk(min(count, height), dim=-1, sorted=False).indices  # (Q, r)
    inside = values.gather(1, rows[..., None].expand(-1, -1, width)).flatten(1)  # (Q, r w)
    best = inside.topk(min(count, inside.shape[1]), dim=-1, sorted=False).indices
    return rows.gather(1, best // width) * width + best % width


def _outside_window(chosen: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Penalise the coarse cells that lie too far from each chosen one: (Q, h w)."""
    height, width = grid_hw
    rows = (chosen[:, None] // width - torch.arange(height, device=chosen.device)).abs() > _WINDOW
    columns = (chosen[:, None] % width - torch.arange(width, device=chosen.device)).abs() > _WINDOW
    return (rows[:, :, None] | columns[:, None]).flatten(1) * _FORBIDDEN


def _rows_of(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Look places of any shape up in a (P, C) table: (..., C)."""
    return table.index_select(0, places.flatten()).view(*places.shape, -1)


def _is_true(places: torch.Tensor, memory: Memory, row_size: int) -> torch.Tensor:
    """Tell which places in tables laid end to end are of frames with true masks, as 0 and 1."""
    true = torch.zeros(len(memory.coarse), device=places.device)
    true[list(memory.references)] = 1
    return true[places // row_size]


def _upsampled(shares: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Turn (h w, 4, N) shares of middle cells into log-odds on the fine grid, (N, 4h, 4w)."""
    height, width = grid_hw
    rows = by_rows(torch.logit(shares).flatten(0, 1), (2 * height, 2 * width))
    grid = rows.T.reshape(1, -1, 2 * height, 2 * width)
    size = (4 * height, 4 * width)
    return F.interpolate(grid, size, mode="bilinear", align_corners=False)[0]


def _doubtful(shares: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Mark the middle cells, (4 h w,) by quads, with doubt about an object in or beside them."""
    size = (2 * grid_hw[0], 2 * grid_hw[1])
    doubt = ((shares > _DOUBT) & (shares < 1 - _DOUBT)).any(-1).flatten()
    grid = by_rows(doubt, size).view(1, *size).float()
    return by_quads(F.max_pool2d(grid, 3, stride=1, padding=1).flatten() > 0, size)


def _refine(
    recalled: torch.Tensor,
    cells: Cells,
    memory: Memory,
    quarters: torch.Tensor,
    places: torch.Tensor,
    similarity: torch.Tensor,
) -> None:
    """Recall the fine cells of B middle cells anew, in the (N, 4h, 4w) ``recalled``.

    ``quarters`` (B,) are the middle cells, ``places`` and ``similarity`` (B, k) their matches.
    """
    height, width = cells.grid_hw
    count = height * width
    row, middle = places // (4 * count), places % (4 * count)
    keys = _ring(middle, cells.grid_hw, reach=1) + (16 * count * row)[..., None]  # (B, k, 16)
    own = _ring(quarters, cells.grid_hw, reach=0)  # (B, 4)
    known = _MIDDLE_SHARE * similarity + _FINE_TRUTH_BONUS * _is_true(places, memory, 4 * count)
    keys = keys.flatten(1)
    fine = _rows_of(memory.fine.flatten(0, 1), keys)  # (B, 16 k, d)
    affinity = torch.baddbmm(
        known.repeat_interleave(16, dim=1)[:, None], cells.fine[own], fine.transpose(1, 2)
    )
    masks = _rows_of(memory.masks.flatten(0, 1), keys)  # (B, 16 k, 1 + N)
    shares = ((affinity / _FINE_TEMPERATURE).softmax(-1) @ masks)[..., 1:]
    shares = shares.clamp(_MIN_SHARE, 1 - _MIN_SHARE)
    recalled.flatten(1)[:, own.flatten()] = torch.logit(shares).flatten(0, 1).T


def _ring(middle: torch.Tensor, grid_hw: tuple[int, int], *, reach: int) -> torch.Tensor:
    """List the fine cells in and round middle cells, (...) by quads: (..., (2 + 2 reach)^2).

    At the picture's edge the cells there are listed again. The order without a ring is row by row.
    """
    height, width = grid_hw
    coarse, child = middle // 4, middle % 4
    y = 4 * (coarse // width) + 2 * (child // 2)
    x = 4 * (coarse % width) + 2 * (child % 2)
    steps = torch.arange(-reach, 2 + reach, device=middle.device)
    rows = (y[..., None] + steps).clamp(0, 4 * height - 1)
    columns = (x[..., None] + steps).clamp(0, 4 * width - 1)
    return (rows[..., :, None] * (4 * width) + columns[..., None, :]).flatten(-2)
