"""Offer, for each coarse cell, the remembered coarse cells that are most like it.

The last frames are searched in a window round the cell, tile by tile: cells of one tile have most
of their windows in common. Older frames are searched everywhere; of look-alikes the near one wins,
since a little is taken off with the distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch

from .features import FORBIDDEN, Cells
from .memory_bank import Memory, Row

_WINDOW = 8  # coarse cells each way that the last frames are searched in: 128 input pixels
_WINDOWED = 3  # of the recent frames; since the older ones an object may have come any way
_OFFERED = 6  # coarse cells that each remembered frame offers
_TILE = 8  # cells on a side that are searched for together
_SIDE = _TILE + 2 * _WINDOW  # of what a tile's cells can see


@dataclass(frozen=True, slots=True)
class Pull:
    """What the squared distance of two coarse cells, in cells, takes off their similarity.

    ``strength`` times what ``asking``, (h w,), says of the one that asks, times what ``asked``,
    (R, h w), says of the remembered one.
    """

    strength: float
    asking: torch.Tensor
    asked: torch.Tensor

    def between(self, own: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Return the factors for (Q,) cells and (Q, c) others, laid end to end: (Q, c)."""
        return self.strength * self.asking[own, None] * self.asked.flatten()[others]


def offer(cells: Cells, memory: Memory, chosen: torch.Tensor, pull: Pull) -> torch.Tensor:
    """Find what all frames together offer the (Q,) ``chosen`` coarse cells: (Q, c).

    The most similar ones of each frame, after ``pull``; in the windows of the last frames, where
    it can take little, it takes its whole strength. In no order, as places in the coarse tables of
    the memory laid end to end. Where shapes are fixed, ``chosen`` are all cells in their order.
    """
    grid_hw = cells.grid_hw
    places = _all_places(grid_hw, chosen.device)
    own = _asking(cells.coarse[chosen], places[chosen], pull.strength * pull.asking[chosen, None])
    windows = _all_windows(grid_hw, chosen.device) if memory.fixed else _windows(grid_hw, chosen)
    asking = cells.coarse[windows.asking]
    recent = memory.recent
    offered = [
        _offer_nearby(memory, rows, windows, asking, pull.strength)
        for rows in _together(recent[:_WINDOWED], fixed=memory.fixed)
    ]
    older = recent[_WINDOWED:] + (memory.kept if memory.fixed else [])
    offered += [
        _offer_anywhere(memory, rows, own, places, pull.asked)
        for rows in _together(older, fixed=memory.fixed)
    ]
    if not memory.fixed:
        offered += [_offer_true(memory, row, own, places, pull.asked) for row in memory.references]
    return torch.cat(offered, dim=1)


def _together(rows: list[Row], *, fixed: bool) -> list[list[Row]]:
    """Put rows together that are searched at once: a CPU's cache wants one at a time."""
    return [rows] * bool(rows) if fixed else [[row] for row in rows]


def _rows_of(table: torch.Tensor, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor | int]:
    """Return (r, h w, ...) rows of a table, and where they begin if all were laid end to end."""
    size = table.shape[1]
    first = rows[0]
    if isinstance(first, int):
        return table[first : first + 1], first * size
    numbers = torch.cat([row for row in rows if isinstance(row, torch.Tensor)])
    return table.index_select(0, numbers), numbers[:, None, None] * size


def squared_distance(cells: torch.Tensor, others: torch.Tensor, width: int) -> torch.Tensor:
    """Measure how far coarse cells, (Q,), are from others, (Q, c), squared, in cells: (Q, c)."""
    apart = _places(cells, width)[:, None] - _places(others, width)
    return apart.square().sum(-1)


def _places(cells: torch.Tensor, width: int) -> torch.Tensor:
    """Return row and column of cells of any shape: (..., 2)."""
    return torch.stack([cells // width, cells % width], dim=-1).float()


def _asking(rows: torch.Tensor, places: torch.Tensor, pull: torch.Tensor) -> torch.Tensor:
    """Append what makes products with `_asked` fall by the squared distance times both pulls.

    ``rows`` (..., D), ``places`` (..., 2), ``pull`` (..., 1).
    """
    square = places.square().sum(-1, keepdim=True)
    ends = (2 * pull * places, -pull * square, pull)
    return torch.cat([rows, *(end.to(rows.dtype) for end in ends)], dim=-1)


def _asked(rows: torch.Tensor, places: torch.Tensor, pull: torch.Tensor) -> torch.Tensor:
    square = places.square().sum(-1, keepdim=True)
    ends = (pull * places, pull, -pull * square)
    return torch.cat([rows, *(end.to(rows.dtype) for end in ends)], dim=-1)


def _offer_anywhere(
    memory: Memory,
    rows: list[Row],
    own: torch.Tensor,
    places: torch.Tensor,
    pull: torch.Tensor,
) -> torch.Tensor:
    """Search some frames everywhere for (Q, D') cells that are ``own``: (Q, R c).

    But not what is closed, where shapes are fixed.
    """
    tables, starts = _rows_of(memory.coarse, rows)
    pulls, _ = _rows_of(pull, rows)
    everywhere = _asked(tables, places.expand(len(tables), -1, -1), pulls[..., None])
    affinity = own @ everywhere.transpose(1, 2)  # (R, Q, h w)
    if memory.fixed:
        affinity += _rows_of(memory.closed, rows)[0][:, None]
    best = _largest(affinity.view(-1, *memory.grid_hw), _OFFERED)
    return _side_by_side(best.view(len(tables), len(own), -1) + starts)


def _offer_true(
    memory: Memory, row: int, own: torch.Tensor, places: torch.Tensor, pull: torch.Tensor
) -> torch.Tensor:
    """Search a frame with true masks where that is worth it: (Q, c)."""
    searched = memory.references[row]
    table = memory.coarse[row].index_select(0, searched)
    affinity = own @ _asked(table, places[searched], pull[row, searched, None]).T
    best = affinity.topk(min(_OFFERED, len(searched)), dim=-1, sorted=False).indices
    return searched[best] + row * memory.coarse.shape[1]


def _side_by_side(offered: torch.Tensor) -> torch.Tensor:
    """Lay what R frames offer Q cells side by side: (R, Q, c) to (Q, R c)."""
    return offered.transpose(0, 1).flatten(1)


@dataclass(frozen=True, slots=True)
class _Windows:
    """The T tiles that hold some chosen cells, and where each of these is in them.

    ``asking`` (T, _TILE^2) are the tiles' cells, and ``seen`` (T, _SIDE^2) which cells lie round
    them; what would lie outside the picture is ``forbidden``, (T, _SIDE^2), and stands for a cell
    inside. ``places`` (Q,) are the chosen cells' places in ``asking`` laid end to end, and
    ``corners`` (Q,) the row and column of the first cell that their tiles see.
    """

    asking: torch.Tensor
    seen: torch.Tensor
    forbidden: torch.Tensor
    places: torch.Tensor
    corners: tuple[torch.Tensor, torch.Tensor]


# What is cached is made on the CPU, so that it is there before anyone uses it, and kept for ever,
# since what was recorded once goes on reading it.


@cache
def _all_windows(grid_hw: tuple[int, int], device: torch.device) -> _Windows:
    """Cut the whole picture into tiles."""
    windows = _windows(grid_hw, torch.arange(grid_hw[0] * grid_hw[1]))
    top, left = (corner.to(device) for corner in windows.corners)
    asking, seen, forbidden, places = (
        part.to(device)
        for part in (windows.asking, windows.seen, windows.forbidden, windows.places)
    )
    return _Windows(asking, seen, forbidden, places, (top, left))


@cache
def _all_places(grid_hw: tuple[int, int], device: torch.device) -> torch.Tensor:
    """Return row and column of all cells: (h w, 2)."""
    return _places(torch.arange(grid_hw[0] * grid_hw[1]), grid_hw[1]).to(device)


def _windows(grid_hw: tuple[int, int], chosen: torch.Tensor) -> _Windows:
    """Cut the picture into tiles, and keep those that hold chosen cells."""
    width = grid_hw[1]
    y, x = chosen // width, chosen % width
    across = -(-width // _TILE)
    tiles, rank = torch.unique(y // _TILE * across + x // _TILE, return_inverse=True)
    top, left = tiles // across * _TILE, tiles % across * _TILE
    inner = torch.arange(_TILE, device=chosen.device)
    outer = torch.arange(-_WINDOW, _TILE + _WINDOW, device=chosen.device)
    asking, _ = _cells_at(top, left, inner, grid_hw)
    seen, inside = _cells_at(top, left, outer, grid_hw)
    return _Windows(
        asking,
        seen,
        ~inside * FORBIDDEN,
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
    memory: Memory, rows: list[Row], windows: _Windows, asking: torch.Tensor, pull: float
) -> torch.Tensor:
    """Search some frames in the window round each chosen cell: (Q, R c).

    ``asking`` (T, _TILE^2, D) are the tiles' cells.
    """
    tables, starts = _rows_of(memory.coarse, rows)
    frames, width = len(tables), memory.grid_hw[1]
    seen = tables.index_select(1, windows.seen.flatten()).view(-1, _SIDE**2, tables.shape[-1])
    forbidden = windows.forbidden.to(seen.dtype).repeat(frames, 1)[:, None]
    affinity = torch.baddbmm(forbidden, asking.repeat(frames, 1, 1), seen.transpose(1, 2))
    squares, outside = _by_distance(tables.device)
    affinity += (outside - pull * squares).to(affinity.dtype)
    mine = affinity.view(frames, -1, _SIDE**2).index_select(1, windows.places)
    best = _largest(mine.view(-1, _SIDE, _SIDE), min(_OFFERED, tables.shape[1]))
    best = best.view(frames, len(windows.places), -1)
    top, left = (corner[:, None] for corner in windows.corners)
    return _side_by_side((top + best // _SIDE) * width + left + best % _SIDE + starts)


@cache
def _by_distance(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Measure how far what a tile sees is from each of its cells: (_TILE^2, _SIDE^2) each.

    Squared, in cells; and what forbids those outside of a cell's window.
    """
    inner = torch.arange(_TILE)
    outer = torch.arange(-_WINDOW, _TILE + _WINDOW)
    apart = (inner[:, None] - outer).float()  # (_TILE, _SIDE)
    squares, forbidden = (
        (axis[:, None, :, None] + axis[None, :, None, :]).view(_TILE**2, _SIDE**2).to(device)
        for axis in (apart.square(), (apart.abs() > _WINDOW) * FORBIDDEN)
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
