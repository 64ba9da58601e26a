"""Recall masks from remembered frames: dense propagation of soft masks in feature space.

Every coarse cell that an object can be in asks each remembered frame for its most similar cells;
the quarters of these are compared with its own quarters, and the best lend them their masks. Where
that leaves doubt, at outlines and thin things, the same is done once more among the fine cells
round those matches. All objects travel as channels of one mask tensor, so that the affinity, which
is what costs, is shared between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .candidate_search import Pull, offer, squared_distance
from .features import Cells, by_quads, by_rows
from .memory_bank import Memory

_NEIGHBOURS = 8  # middle cells that each quarter listens to
_TEMPERATURE = 0.05  # of the softmax over their similarities
FINE_TEMPERATURE = 0.02  # fine cells listen to all that lie round those matches
MIDDLE_SHARE = 0.5  # of a fine similarity: that of the middle cells that the fine ones lie round
TRUTH_BONUS = 0.05  # of similarity to true masks: e times the weight; holds drift back
FINE_TRUTH_BONUS = 0.06
_DOUBT = 0.02  # a middle cell that is surer than this of every object is not looked at more closely
_AT_ONCE = 128  # coarse cells that are matched together on a CPU, and fine ones in fours: few MB
_STAKE = 0.1  # of a middle cell: what shows as much of an object can be where it is
MIN_SHARE = 0.01  # of a cell; bounds the recalled log-odds to +-4.6


@dataclass(frozen=True, slots=True)
class Matches:
    """The best middle cells for the quarters of Q coarse cells: (Q, 4, k) each.

    ``places`` are places in the memory's middle tables laid end to end; ``similarity`` leaves the
    bonus of true masks out, not what distance takes; ``weights`` sum to 1.
    """

    places: torch.Tensor
    similarity: torch.Tensor
    weights: torch.Tensor


Matched = tuple[torch.Tensor, Matches, torch.Tensor]
"""Q coarse cells, (Q,) int64, their quarters' matches, and which quarters are in doubt, (Q, 4)."""


def recall(
    cells: Cells,
    memory: Memory,
    near: torch.Tensor,
    astray: torch.Tensor | None = None,
    *,
    pull: float = 0.0,
) -> tuple[torch.Tensor, Matched | None]:
    """Recall the masks of a frame, in log-odds: (N, 4h, 4w) for (h, w) coarse cells.

    The coarse cells marked in ``near``, (h, w) bool, are computed; all others are background. If
    some of the objects are ``astray``, (N,) bool, these can be anywhere, and no other is seen
    further away for it. From the similarity of coarse and middle cells ``pull`` times the squared
    distance of the coarse cells they lie in is taken, but not where what is astray is at stake.
    Where shapes are fixed, all cells are computed, and what is not needed thrown away. The second
    that is returned is what was found, for `sharpen`; None if no cell resembles an object's.
    """
    objects = memory.shares.shape[-1] - 1
    astray = near.new_zeros(objects) if astray is None else astray
    count = len(cells.coarse)
    searched = (near | astray.any()).flatten()
    chosen = torch.arange(count, device=near.device)
    if not memory.fixed:
        chosen = chosen[searched]
    shares = torch.full((count, 4, objects), MIN_SHARE, device=near.device)
    if not len(chosen):
        return _upsampled(shares, cells.grid_hw), None
    pulls = _pulls(memory, near, astray, pull)
    offered = offer(cells, memory, chosen, pulls)
    promising = _promising(offered, memory) & searched[chosen]
    if not memory.fixed:
        chosen, offered, promising = chosen[promising], offered[promising], promising[promising]
    if not len(chosen):
        return _upsampled(shares, cells.grid_hw), None
    matches = _match_middle(cells, memory, chosen, offered, pulls)
    found = rows_of(memory.shares.flatten(0, 1), matches.places)  # (Q, 4, k, 1 + N)
    found = (matches.weights[..., None, :] @ found)[..., 0, 1:].float()
    found = found.clamp(MIN_SHARE, 1 - MIN_SHARE)
    shares[chosen] = torch.where(promising[:, None, None], found, MIN_SHARE)
    recalled = _upsampled(shares, cells.grid_hw)
    doubtful = _doubtful(shares, cells.grid_hw).view(count, 4)[chosen] & promising[:, None]
    matched = (chosen, matches, doubtful)
    _refine_doubted(recalled, cells, memory, matched)
    if memory.fixed or bool(astray.any()):
        _keep_near(recalled, near, astray)
    return recalled, matched


def _pulls(memory: Memory, near: torch.Tensor, astray: torch.Tensor, pull: float) -> Pull:
    """Let distance count between cells ``near`` objects and what shows none that is ``astray``."""
    asked = torch.ones_like(memory.shown, dtype=torch.float32)
    if memory.fixed or bool(astray.any()):
        shown = memory.shares[..., 1:].masked_fill(~astray, 0).amax(-1) > _STAKE  # (R, 4 h w)
        asked -= shown.view(*asked.shape, 4).any(-1).float()
    alone = ~astray.any()  # then all that is asked is near
    return Pull(pull, (near.flatten() | alone).float(), asked)


def _keep_near(recalled: torch.Tensor, near: torch.Tensor, astray: torch.Tensor) -> None:
    """Leave in (N, 4h, 4w) log-odds what is ``near``, or of an object that is ``astray``, if any.

    Without any, they stay as they are.
    """
    finer = near.repeat_interleave(4, 0).repeat_interleave(4, 1)
    kept = finer | astray[:, None, None] | ~astray.any()
    recalled.masked_fill_(~kept, math.log(MIN_SHARE / (1 - MIN_SHARE)))


def _refine_doubted(
    recalled: torch.Tensor,
    cells: Cells,
    memory: Memory,
    matched: Matched,
) -> None:
    """Recall anew, in ``recalled``, what is doubtful."""
    chosen, matches, doubtful = matched
    quarters = 4 * chosen[:, None] + torch.arange(4, device=chosen.device)
    asked = (quarters, matches.places, matches.similarity, doubtful)
    doubted = (part.flatten(0, 1) if memory.fixed else part[doubtful] for part in asked)
    for part in zip(*map(parts, doubted), strict=True):
        _refine(recalled, cells, memory, *part)


def cells_near(masks: torch.Tensor, grid_hw: tuple[int, int], *, reach: int) -> torch.Tensor:
    """Mark the coarse cells within ``reach`` cells of an object of (16 h w, 1 + N) masks."""
    height, width = grid_hw
    objects = masks[:, 1:].amax(-1).view(1, 4 * height, 4 * width)
    there = (F.avg_pool2d(objects, 2) > 0.1).float()
    cells = F.max_pool2d(there, 2)
    grown: torch.Tensor = F.max_pool2d(cells, 2 * reach + 1, stride=1, padding=reach)[0] > 0
    return grown


def _promising(offered: torch.Tensor, memory: Memory) -> torch.Tensor:
    """Tell which of Q cells are offered, (Q, c), any cell that has some of an object: (Q,) bool.

    The others are background, which is known without comparing quarters.
    """
    return memory.shown.flatten()[offered].any(1)


def _match_middle(
    cells: Cells, memory: Memory, chosen: torch.Tensor, offered: torch.Tensor, pull: Pull
) -> Matches:
    """Find the middle cells most like each quarter of Q coarse cells.

    ``chosen`` are the coarse cells, (Q,), and ``offered``, (Q, c), what they are offered.
    """
    count, width = len(cells.coarse), cells.middle.shape[1]
    quarters = cells.middle.view(count, 4, width)
    table = memory.middle.view(-1, 4 * width)
    best, places = [], []
    for own, others in zip(parts(chosen), parts(offered), strict=True):
        keys = rows_of(table, others).view(len(own), -1, width)  # (q, 4 c, D)
        bonus = TRUTH_BONUS * _is_true(others, memory, count)
        bonus -= pull.between(own, others) * squared_distance(own, others % count, cells.grid_hw[1])
        bonus = bonus.to(keys.dtype).repeat_interleave(4, dim=1)[:, None]  # of all quarters
        similarity = torch.baddbmm(bonus, quarters[own], keys.transpose(1, 2))
        most = min(_NEIGHBOURS, similarity.shape[-1])
        values, index = similarity.topk(most, dim=-1, sorted=False)
        best.append(values)
        found = others.gather(1, (index // 4).flatten(1)).view(index.shape)
        places.append(4 * found + index % 4)
    similarity, place = torch.cat(best), torch.cat(places)
    true = _is_true(place, memory, 4 * count)
    return Matches(place, similarity - TRUTH_BONUS * true, (similarity / _TEMPERATURE).softmax(-1))


def parts(rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Cut rows into parts whose matches fit a processor's cache; a GPU takes them at once."""
    if rows.device.type != "cpu" or len(rows) <= _AT_ONCE:
        return (rows,) if len(rows) else ()
    return torch.split(rows, _AT_ONCE)


def rows_of(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Look places of any shape up in a (P, C) table: (..., C)."""
    return table.index_select(0, places.flatten()).view(*places.shape, -1)


def _is_true(places: torch.Tensor, memory: Memory, row_size: int) -> torch.Tensor:
    """Tell which places in tables laid end to end are of frames with true masks, as 0 and 1."""
    return memory.true[places // row_size]


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
    doubtful: torch.Tensor,
) -> None:
    """Recall the fine cells of B middle cells anew, in the (N, 4h, 4w) ``recalled``.

    ``quarters`` (B,) are the middle cells, ``places`` and ``similarity`` (B, k) their matches;
    those that are not ``doubtful``, (B,) bool, stay as they are.
    """
    height, width = cells.grid_hw
    count = height * width
    row, middle = places // (4 * count), places % (4 * count)
    keys = rows_of(memory.rings, middle) + (16 * count * row)[..., None]  # (B, k, 16)
    own = rows_of(memory.insides, quarters)  # (B, 4)
    known = MIDDLE_SHARE * similarity + FINE_TRUTH_BONUS * _is_true(places, memory, 4 * count)
    keys = keys.flatten(1)
    fine = memory.fine_round(places, keys)  # (B, 16 k, d)
    known = known.to(fine.dtype).repeat_interleave(16, dim=1)[:, None]
    affinity = torch.baddbmm(known, cells.fine[own], fine.transpose(1, 2))
    masks = rows_of(memory.masks.flatten(0, 1), keys)  # (B, 16 k, 1 + N)
    shares = ((affinity / FINE_TEMPERATURE).softmax(-1) @ masks)[..., 1:].float()
    known = torch.logit(shares.clamp(MIN_SHARE, 1 - MIN_SHARE)).flatten(0, 1).T  # (N, 4 B)
    seen, own = recalled.flatten(1), own.flatten()
    if memory.fixed:
        known = torch.where(doubtful.repeat_interleave(4), known, seen.index_select(1, own))
    seen[:, own] = known
