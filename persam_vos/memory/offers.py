"""Offer, for each coarse cell, the remembered coarse cells that are most like it.

The last frames are searched in a window round the cell, tile by tile: cells of one tile have most
of their windows in common. Older frames are searched everywhere; of look-alikes the near one wins,
since a little is taken off with the distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch

from .cells import Cells
from .tables import Memory, Row, at

_WINDOW = 8  # coarse cells each way that the last frames are searched in: 128 input pixels
_WINDOWED = 3  # of the recent frames; since the older ones an object may have come any way
_OFFERED = 6  # coarse cells that each remembered frame offers
_TILE = 8  # cells on a side that are searched for together
_SIDE = _TILE + 2 * _WINDOW  # of what a tile's cells can see
_FORBIDDEN = -9.0  # below any similarity


def offer(cells: Cells, memory: Memory, chosen: torch.Tensor, pull: torch.Tensor) -> torch.Tensor:
    """Find what all frames together offer the (Q,) ``chosen`` coarse cells: (Q, c).

    The most similar ones of each frame, ``pull``, a number, times the squared distance in coarse
    cells taken off; in no order, as places in the coarse tables of the memory laid end to end.
    Where shapes are fixed, ``chosen`` are all cells in their order.
    """
    count, width = len(cells.coarse), cells.grid_hw[1]
    places = _places(torch.arange(count, device=chosen.device), width)
    own = _asking(cells.coarse[chosen], places[chosen], pull)
    windows = _windows(cells, chosen, fixed=memory.fixed)
    recent = memory.recent
    offered = [
        row * count + _offer_nearby(at(memory.coarse, row), windows, width, pull)
        for row in recent[:_WINDOWED]
    ]
    offered += [
        row * count + _offer_anywhere(own, places, memory, row, pull)
        for row in (*memory.references, *recent[_WINDOWED:])
    ]
    return torch.cat(offered, dim=1)


def squared_distance(cells: torch.Tensor, others: torch.Tensor, width: int) -> torch.Tensor:
    """Measure how far coarse cells, (Q,), are from others, (Q, c), squared, in cells: (Q, c)."""
    apart = _places(cells, width)[:, None] - _places(others, width)
    return apart.square().sum(-1)


def _places(cells: torch.Tensor, width: int) -> torch.Tensor:
    """Return row and column of cells of any shape: (..., 2)."""
    return torch.stack([cells // width, cells % width], dim=-1).float()


def _asking(rows: torch.Tensor, places: torch.Tensor, pull: torch.Tensor) -> torch.Tensor:
    """Append what makes products with `_asked` fall by ``pull`` times the squared distance."""
    square = places.square().sum(-1, keepdim=True)
    ends = (2 * pull * places, -pull * square, torch.ones_like(square))
    return torch.cat([rows, *(end.to(rows.dtype) for end in ends)], dim=-1)


def _asked(rows: torch.Tensor, places: torch.Tensor, pull: torch.Tensor) -> torch.Tensor:
    square = places.square().sum(-1, keepdim=True)
    ends = (places, torch.ones_like(square), -pull * square)
    return torch.cat([rows, *(end.to(rows.dtype) for end in ends)], dim=-1)


def _offer_anywhere(
    own: torch.Tensor, places: torch.Tensor, memory: Memory, row: Row, pull: torch.Tensor
) -> torch.Tensor:
    searched = memory.references.get(row) if isinstance(row, int) else None
    if searched is None:
        affinity = own @ _asked(at(memory.coarse, row), places, pull).T
        return _largest(affinity.view(len(own), *memory.grid_hw), _OFFERED)
    table = at(memory.coarse, row).index_select(0, searched)
    affinity = own @ _asked(table, places[searched], pull).T
    return searched[affinity.topk(min(_OFFERED, len(searched)), dim=-1).indices]


@dataclass(frozen=True, slots=True)
class _Windows:
    """The T tiles that hold some chosen cells, and where each of these is in them.

    ``asking`` (T, _TILE^2, D) are the tiles' cells, and ``seen`` (T, _SIDE^2) which cells lie round
    them; what would lie outside the picture is ``forbidden``, (T, _SIDE^2), and stands for a cell
    inside. ``places`` (Q,) are the chosen cells' places in ``asking`` laid end to end, and
    ``corners`` (Q,) the row and column of the first cell that their tiles see.
    """

    asking: torch.Tensor
    seen: torch.Tensor
    forbidden: torch.Tensor
    places: torch.Tensor
    corners: tuple[torch.Tensor, torch.Tensor]


def _windows(cells: Cells, chosen: torch.Tensor, *, fixed: bool) -> _Windows:
    """Cut the picture into tiles, and keep those that hold chosen cells: all if ``fixed``."""
    height, width = cells.grid_hw
    y, x = chosen // width, chosen % width
    down, across = -(-height // _TILE), -(-width // _TILE)
    rank = y // _TILE * across + x // _TILE
    if fixed:
        tiles = torch.arange(down * across, device=chosen.device)
    else:
        tiles, rank = torch.unique(rank, return_inverse=True)
    top, left = tiles // across * _TILE, tiles % across * _TILE
    inner = torch.arange(_TILE, device=chosen.device)
    outer = torch.arange(-_WINDOW, _TILE + _WINDOW, device=chosen.device)
    asking, _ = _cells_at(top, left, inner, cells.grid_hw)
    seen, inside = _cells_at(top, left, outer, cells.grid_hw)
    return _Windows(
        cells.coarse[asking],
        seen,
        (~inside * _FORBIDDEN).to(cells.coarse.dtype),
        places=rank * _TILE**2 + y % _TILE * _TILE + x % _TILE,
        corners=(top[rank] - _WINDOW, left[rank] - _WINDOW),
    )


def _cells_at(
    top: torch.Tensor, left: torch.Tensor, steps: torch.Tensor, grid_hw: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """List the cells at all pairs of ``steps`` from some corners, and whether they are inside.

    Those outside stand for the nearest inside.
    """
    height, width = grid_hw
    y, x = top[:, None] + steps, left[:, None] + steps
    rows, columns = y.clamp(0, height - 1), x.clamp(0, width - 1)
    inside = (y == rows)[:, :, None] & (x == columns)[:, None]
    return (rows[:, :, None] * width + columns[:, None]).flatten(1), inside.flatten(1)


def _offer_nearby(
    table: torch.Tensor, windows: _Windows, width: int, pull: torch.Tensor
) -> torch.Tensor:
    """Search a frame's (h w, D) coarse ``table`` in the window round each chosen cell."""
    seen = table.index_select(0, windows.seen.flatten()).view(*windows.seen.shape, -1)
    affinity = torch.baddbmm(windows.forbidden[:, None], windows.asking, seen.transpose(1, 2))
    squares, forbidden = _by_distance(table.device)
    affinity += (forbidden - pull * squares).to(affinity.dtype)
    mine = affinity.flatten(0, 1).index_select(0, windows.places)
    best = _largest(mine.view(-1, _SIDE, _SIDE), min(_OFFERED, len(table)))
    top, left = (corner[:, None] for corner in windows.corners)
    return (top + best // _SIDE) * width + left + best % _SIDE


@cache  # what was recorded once goes on reading them
def _by_distance(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Measure how far what a tile sees is from each of its cells: (_TILE^2, _SIDE^2) each.

    Squared, in cells; and what forbids those outside of a cell's window.
    """
    inner = torch.arange(_TILE, device=device)
    outer = torch.arange(-_WINDOW, _TILE + _WINDOW, device=device)
    apart = (inner[:, None] - outer).float()  # (_TILE, _SIDE)
    squares, forbidden = (
        (axis[:, None, :, None] + axis[None, :, None, :]).view(_TILE**2, _SIDE**2)
        for axis in (apart.square(), (apart.abs() > _WINDOW) * _FORBIDDEN)
    )
    return squares, forbidden


def _largest(values: torch.Tensor, count: int) -> torch.Tensor:
    """Find the places of the ``count`` largest of each (Q, h, w): (Q, count), in no order.

    They lie in the ``count`` rows with the largest maxima: the others need not be sorted.
    """
    height, width = values.shape[1:]
    rows = values.amax(-1).topk(min(count, height), dim=-1, sorted=False).indices  # (Q, r)
    inside = values.gather(1, rows[..., None].expand(-1, -1, width)).flatten(1)  # (Q, r w)
    best = inside.topk(min(count, inside.shape[1]), dim=-1, sorted=False).indices
    return rows.gather(1, best // width) * width + best % width
