"""Find, for each s16 cell of a frame, the remembered s16 cells that are most like it.

The last frames are searched in a window round the cell, tile by tile: cells of one tile have most
of their windows in common. Older frames are searched everywhere. Of look-alikes the near one wins,
since a spatial prior takes a little off with the distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .features import EXCLUDED, FrameFeatures
from .memory_bank import MemoryBank, RowIndex, StaticMemoryBank

_REACH = 8  # s16 cells each way that the last frames are searched in: 128 input pixels
_WINDOWED = 3  # of the recent frames; since the older ones an object may have come any way
_TOP_K = 6  # candidates from each remembered frame
_TILE = 8  # cells on a side that are searched for together
_SEEN = _TILE + 2 * _REACH  # cells on a side that a tile's cells can see


@dataclass(frozen=True, slots=True)
class SpatialPrior:
    """What the squared distance of two s16 cells, in cells, takes off their similarity.

    ``strength`` times what ``query``, (h w,), says of the cell that is searched for, times what
    ``key``, (R, h w), says of the remembered one.
    """

    strength: float
    query: torch.Tensor
    key: torch.Tensor

    def between(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Return the factors for (Q,) cells and (Q, c) places in the bank: (Q, c)."""
        return self.strength * self.query[queries, None] * self.key.flatten()[keys]


@dataclass(frozen=True, slots=True)
class _Tiles:
    """The T tiles that hold some selected cells, and where each of these is in them.

    ``queries`` (T, _TILE^2) are the tiles' cells, and ``seen`` (T, _SEEN^2) which cells lie round
    them; what would lie outside the picture has its ``mask``, (T, _SEEN^2), and stands for a cell
    inside. ``places`` (Q,) are the selected cells' places in ``queries`` laid end to end, and
    ``corners`` (Q,) the row and column of the first cell that their tiles see.
    """

    queries: torch.Tensor
    seen: torch.Tensor
    mask: torch.Tensor
    places: torch.Tensor
    corners: tuple[torch.Tensor, torch.Tensor]


class CandidateSearch:
    """Searches a clip's memory bank; leaves out what is not needed.

    Its tables depend on the grid alone; they are made once for a clip, and end with it.
    """

    def __init__(self, grid_hw: tuple[int, int], device: torch.device) -> None:
        self.grid_hw = grid_hw
        cells = torch.arange(grid_hw[0] * grid_hw[1])
        self._positions = _positions(cells, grid_hw[1]).to(device)  # (h w, 2)
        self._squares, self._outside = (table.to(device) for table in _tile_distances())

    def __call__(
        self, query: FrameFeatures, bank: MemoryBank, selected: torch.Tensor, prior: SpatialPrior
    ) -> torch.Tensor:
        """Return the candidates of the (Q,) ``selected`` s16 cells: (Q, c), in no order.

        These are the most similar cells of each remembered frame, after ``prior``; in the windows
        of the last frames, where it can take little, it takes its whole strength. Candidates are
        places in the s16 tables of the bank laid end to end.
        """
        strength = prior.strength * prior.query[selected, None]
        queries = _augmented_query(query.s16[selected], self._positions[selected], strength)
        tiles = self._tiles(selected)
        tile_queries = query.s16[tiles.queries]
        recent = bank.recent_rows
        found = [
            self._search_window(bank, rows, tiles, tile_queries, prior.strength)
            for rows in self._together(recent[:_WINDOWED])
        ]
        found += self._search_older(bank, recent[_WINDOWED:], queries, prior.key)
        return torch.cat(found, dim=1)

    def _together(self, rows: list[RowIndex]) -> list[list[RowIndex]]:
        """Group rows that are searched at once: a CPU's cache wants one at a time."""
        return [[row] for row in rows]

    def _tiles(self, selected: torch.Tensor) -> _Tiles:
        """Cut the picture into tiles, and keep those that hold selected cells."""
        return _cut_tiles(self.grid_hw, selected)

    def _search_older(
        self, bank: MemoryBank, rows: list[RowIndex], queries: torch.Tensor, prior: torch.Tensor
    ) -> list[torch.Tensor]:
        found = [self._search_everywhere(bank, [row], queries, prior) for row in rows]
        return found + [
            self._search_reference(bank, row, queries, prior) for row in bank.references
        ]

    def _search_everywhere(
        self, bank: MemoryBank, rows: list[RowIndex], queries: torch.Tensor, prior: torch.Tensor
    ) -> torch.Tensor:
        """Search some frames everywhere for (Q, D') ``queries``: (Q, R c)."""
        tables, starts = bank.read_rows(bank.s16, rows)
        priors, _ = bank.read_rows(prior, rows)
        positions = self._positions.expand(len(tables), -1, -1)
        keys = _augmented_key(tables, positions, priors[..., None])
        affinity = self._masked(queries @ keys.transpose(1, 2), bank, rows)  # (R, Q, h w)
        best = _top_k(affinity.view(-1, *self.grid_hw), _TOP_K)
        return _side_by_side(best.view(len(tables), len(queries), -1) + starts)

    def _masked(
        self, affinity: torch.Tensor, bank: MemoryBank, rows: list[RowIndex]
    ) -> torch.Tensor:
        """Exclude keys of (R, Q, h w) affinities that are not to be searched: here, none is."""
        del bank, rows
        return affinity

    def _search_reference(
        self, bank: MemoryBank, row: int, queries: torch.Tensor, prior: torch.Tensor
    ) -> torch.Tensor:
        """Search a reference frame where that is worth it: (Q, c)."""
        cells = bank.references[row]
        table = bank.s16[row].index_select(0, cells)
        keys = _augmented_key(table, self._positions[cells], prior[row, cells, None])
        best = (queries @ keys.T).topk(min(_TOP_K, len(cells)), dim=-1, sorted=False).indices
        return cells[best] + row * bank.s16.shape[1]

    def _search_window(
        self,
        bank: MemoryBank,
        rows: list[RowIndex],
        tiles: _Tiles,
        queries: torch.Tensor,
        strength: float,
    ) -> torch.Tensor:
        """Search some frames in the window round each selected cell: (Q, R c).

        ``queries`` (T, _TILE^2, D) are the features of the tiles' cells.
        """
        tables, starts = bank.read_rows(bank.s16, rows)
        frames, width = len(tables), self.grid_hw[1]
        keys = tables.index_select(1, tiles.seen.flatten()).view(-1, _SEEN**2, tables.shape[-1])
        mask = tiles.mask.to(keys.dtype).repeat(frames, 1)[:, None]
        affinity = torch.baddbmm(mask, queries.repeat(frames, 1, 1), keys.transpose(1, 2))
        affinity += (self._outside - strength * self._squares).to(affinity.dtype)
        own = affinity.view(frames, -1, _SEEN**2).index_select(1, tiles.places)
        best = _top_k(own.view(-1, _SEEN, _SEEN), min(_TOP_K, tables.shape[1]))
        best = best.view(frames, len(tiles.places), -1)
        top, left = (corner[:, None] for corner in tiles.corners)
        return _side_by_side((top + best // _SEEN) * width + left + best % _SEEN + starts)


class DenseCandidateSearch(CandidateSearch):
    """The same in static shapes: all cells are selected, and all frames searched at once.

    It wants a `StaticMemoryBank`, whose key mask excludes what needs no search.
    """

    def __init__(self, grid_hw: tuple[int, int], device: torch.device) -> None:
        super().__init__(grid_hw, device)
        tiles = _cut_tiles(grid_hw, torch.arange(grid_hw[0] * grid_hw[1]))
        top, left = (corner.to(device) for corner in tiles.corners)
        queries, seen, mask, places = (
            part.to(device) for part in (tiles.queries, tiles.seen, tiles.mask, tiles.places)
        )
        self._all_tiles = _Tiles(queries, seen, mask, places, (top, left))

    def _together(self, rows: list[RowIndex]) -> list[list[RowIndex]]:
        return [rows] * bool(rows)

    def _tiles(self, selected: torch.Tensor) -> _Tiles:
        del selected
        return self._all_tiles

    def _search_older(
        self, bank: MemoryBank, rows: list[RowIndex], queries: torch.Tensor, prior: torch.Tensor
    ) -> list[torch.Tensor]:
        rows = rows + _static(bank).reference_rows
        return [self._search_everywhere(bank, rows, queries, prior)]

    def _masked(
        self, affinity: torch.Tensor, bank: MemoryBank, rows: list[RowIndex]
    ) -> torch.Tensor:
        affinity += bank.read_rows(_static(bank).key_mask, rows)[0][:, None]
        return affinity


def squared_distance(cells: torch.Tensor, others: torch.Tensor, width: int) -> torch.Tensor:
    """Return the squared distance of (Q,) s16 cells from (Q, c) others, in cells: (Q, c)."""
    apart = _positions(cells, width)[:, None] - _positions(others, width)
    return apart.square().sum(-1)


def _static(bank: MemoryBank) -> StaticMemoryBank:
    assert isinstance(bank, StaticMemoryBank)
    return bank


def _positions(cells: torch.Tensor, width: int) -> torch.Tensor:
    """Return row and column of cells of any shape: (..., 2)."""
    return torch.stack([cells // width, cells % width], dim=-1).float()


def _augmented_query(
    features: torch.Tensor, positions: torch.Tensor, prior: torch.Tensor
) -> torch.Tensor:
    """Append what makes products with `_augmented_key` fall by the squared distance x both priors.

    ``features`` (..., D), ``positions`` (..., 2), ``prior`` (..., 1).
    """
    square = positions.square().sum(-1, keepdim=True)
    return _append(features, (2 * prior * positions, -prior * square, prior))


def _augmented_key(
    features: torch.Tensor, positions: torch.Tensor, prior: torch.Tensor
) -> torch.Tensor:
    square = positions.square().sum(-1, keepdim=True)
    return _append(features, (prior * positions, prior, -prior * square))


def _append(features: torch.Tensor, more: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat([features, *(part.to(features.dtype) for part in more)], dim=-1)


def _side_by_side(found: torch.Tensor) -> torch.Tensor:
    """Lay the candidates from R frames for Q cells side by side: (R, Q, c) to (Q, R c)."""
    return found.transpose(0, 1).flatten(1)


def _cut_tiles(grid_hw: tuple[int, int], selected: torch.Tensor) -> _Tiles:
    """Cut the picture into tiles, and keep those that hold selected cells."""
    width = grid_hw[1]
    y, x = selected // width, selected % width
    across = -(-width // _TILE)
    tiles, rank = torch.unique(y // _TILE * across + x // _TILE, return_inverse=True)
    top, left = tiles // across * _TILE, tiles % across * _TILE
    inner = torch.arange(_TILE, device=selected.device)
    outer = torch.arange(-_REACH, _TILE + _REACH, device=selected.device)
    queries, _ = _cells_at(top, left, inner, grid_hw)
    seen, inside = _cells_at(top, left, outer, grid_hw)
    return _Tiles(
        queries,
        seen,
        ~inside * EXCLUDED,
        places=rank * _TILE**2 + y % _TILE * _TILE + x % _TILE,
        corners=(top[rank] - _REACH, left[rank] - _REACH),
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


def _tile_distances() -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far what a tile sees is from each of its cells: (_TILE^2, _SEEN^2) each.

    Squared, in cells; and what excludes those outside of a cell's window.
    """
    inner = torch.arange(_TILE)
    outer = torch.arange(-_REACH, _TILE + _REACH)
    apart = (inner[:, None] - outer).float()  # (_TILE, _SEEN)
    squares, excluded = (
        (axis[:, None, :, None] + axis[None, :, None, :]).view(_TILE**2, _SEEN**2)
        for axis in (apart.square(), (apart.abs() > _REACH) * EXCLUDED)
    )
    return squares, excluded


def _top_k(values: torch.Tensor, count: int) -> torch.Tensor:
    """Return the places of the ``count`` largest of each (Q, h, w): (Q, count), in no order.

    They lie in the ``count`` rows with the largest maxima: the others need not be sorted.
    """
    height, width = values.shape[1:]
    rows = values.amax(-1).topk(min(count, height), dim=-1, sorted=False).indices  # (Q, r)
    inside = values.gather(1, rows[..., None].expand(-1, -1, width)).flatten(1)  # (Q, r w)
    best = inside.topk(min(count, inside.shape[1]), dim=-1, sorted=False).indices
    return rows.gather(1, best // width) * width + best % width
