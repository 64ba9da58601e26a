"""Find, for each s16 cell of a frame, the remembered s16 cells that are most like it.

The last frames are searched in a window round the cell, tile by tile, since the windows of a tile's
cells overlap for the most part. Older frames are searched everywhere. A spatial prior lowers the
similarity a little with the distance, so that of two look-alikes the nearer one wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .features import EXCLUDED, FrameFeatures
from .memory_bank import MemoryBank, RowIndex, StaticMemoryBank

_REACH = 8  # s16 cells each way that the last frames are searched in: 128 input pixels
_WINDOWED = 3  # recent frames; in the time since older ones an object may have moved anywhere
_TOP_K = 6  # candidates from each remembered frame
_TILE = 8  # cells on a side that are searched for together
_VIEW = _TILE + 2 * _REACH  # cells on a side of what all windows of a tile cover, its view


@dataclass(frozen=True, slots=True)
class SpatialPrior:
    """How much the similarity of two s16 cells falls with their squared distance, in cells.

    By ``strength`` times the factor in [0, 1] of the cell that is searched for, ``query`` (h w,),
    times that of the remembered cell, ``key`` (R, h w).
    """

    strength: float
    query: torch.Tensor
    key: torch.Tensor

    def between(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Return the factors for (Q,) cells and (Q, c) flat indices of remembered cells: (Q, c)."""
        return self.strength * self.query[queries, None] * self.key.flatten()[keys]


@dataclass(frozen=True, slots=True)
class _Tiles:
    """The T tiles that hold some selected cells, and where in them these are.

    ``queries`` (T, _TILE^2) are the tiles' cells, ``view`` (T, _VIEW^2) the cells that their
    windows cover. Cells outside of the picture are replaced by the nearest inside, and excluded by
    ``mask`` (T, _VIEW^2), which is added to similarities. ``places`` (Q,) are the selected cells'
    indices in the flattened ``queries``, ``corners`` the row and the column, (Q,) each, of the
    first cell of their tile's view.
    """

    queries: torch.Tensor
    view: torch.Tensor
    mask: torch.Tensor
    places: torch.Tensor
    corners: tuple[torch.Tensor, torch.Tensor]


class CandidateSearch:
    """Searches a clip's memory bank, for selected cells only.

    The tensors that it holds depend on the grid alone: they are made once for a clip, and end with
    it.
    """

    def __init__(self, grid_hw: tuple[int, int], device: torch.device) -> None:
        self.grid_hw = grid_hw
        self.top_k = min(_TOP_K, grid_hw[0] * grid_hw[1])  # candidates from each recent frame
        cells = torch.arange(grid_hw[0] * grid_hw[1])
        self._positions = cell_positions(cells, grid_hw[1]).to(device)  # (h w, 2)
        self._squares, self._outside = (table.to(device) for table in _tile_distances())

    def __call__(
        self, query: FrameFeatures, bank: MemoryBank, selected: torch.Tensor, prior: SpatialPrior
    ) -> torch.Tensor:
        """Return the candidates of the (Q,) ``selected`` s16 cells: (Q, c).

        These are the ``top_k`` most similar cells, after ``prior``, of each recent frame, and then
        those of references; the cells of a frame are in no order. In the windows of the last frames
        the prior has its whole strength, since distances are short there.
        Candidates are indices into the bank's s16 cells of all rows, flattened: row * h w + cell.
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
        """Group rows that are searched at once: on a CPU one at a time, to fit its cache."""
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
        """Exclude keys of (R, Q, h w) affinities that are not searched; here there are none."""
        del bank, rows
        return affinity

    def _search_reference(
        self, bank: MemoryBank, row: int, queries: torch.Tensor, prior: torch.Tensor
    ) -> torch.Tensor:
        """Search the selected cells of a reference frame: (Q, c)."""
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
        keys = tables.index_select(1, tiles.view.flatten()).view(-1, _VIEW**2, tables.shape[-1])
        mask = tiles.mask.to(keys.dtype).repeat(frames, 1)[:, None]
        affinity = torch.baddbmm(mask, queries.repeat(frames, 1, 1), keys.transpose(1, 2))
        affinity += (self._outside - strength * self._squares).to(affinity.dtype)
        own = affinity.view(frames, -1, _VIEW**2).index_select(1, tiles.places)
        best = _top_k(own.view(-1, _VIEW, _VIEW), min(_TOP_K, tables.shape[1]))
        best = best.view(frames, len(tiles.places), -1)
        top, left = (corner[:, None] for corner in tiles.corners)
        return _side_by_side((top + best // _VIEW) * width + left + best % _VIEW + starts)


class DenseCandidateSearch(CandidateSearch):
    """The same in static shapes: all cells are selected, and all frames searched at once.

    Needs a `StaticMemoryBank`, whose key mask excludes the cells that are not searched.
    """

    def __init__(self, grid_hw: tuple[int, int], device: torch.device) -> None:
        super().__init__(grid_hw, device)
        tiles = _cut_tiles(grid_hw, torch.arange(grid_hw[0] * grid_hw[1]))
        top, left = (corner.to(device) for corner in tiles.corners)
        queries, view, mask, places = (
            part.to(device) for part in (tiles.queries, tiles.view, tiles.mask, tiles.places)
        )
        self._all_tiles = _Tiles(queries, view, mask, places, (top, left))

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
    apart = cell_positions(cells, width)[:, None] - cell_positions(others, width)
    return apart.square().sum(-1)


def _static(bank: MemoryBank) -> StaticMemoryBank:
    assert isinstance(bank, StaticMemoryBank)
    return bank


def cell_positions(cells: torch.Tensor, width: int) -> torch.Tensor:
    """Return row and column of cells of any shape: (..., 2)."""
    return torch.stack([cells // width, cells % width], dim=-1).float()


def _augmented_query(
    features: torch.Tensor, positions: torch.Tensor, prior: torch.Tensor
) -> torch.Tensor:
    """Append numbers that lower products with `_augmented_key` by both priors x squared distance.

    ``features`` (..., D), ``positions`` (..., 2), ``prior`` (..., 1).
    """
    square = positions.square().sum(-1, keepdim=True)
    return _append(features, (2 * prior * positions, -prior * square, prior))


def _augmented_key(
    features: torch.Tensor, positions: torch.Tensor, prior: torch.Tensor
) -> torch.Tensor:
    square = positions.square().sum(-1, keepdim=True)
    return _append(features, (prior * positions, prior, -prior * square))


def _append(features: torch.Tensor, columns: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat([features, *(part.to(features.dtype) for part in columns)], dim=-1)


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
    view, inside = _cells_at(top, left, outer, grid_hw)
    return _Tiles(
        queries,
        view,
        ~inside * EXCLUDED,
        places=rank * _TILE**2 + y % _TILE * _TILE + x % _TILE,
        corners=(top[rank] - _REACH, left[rank] - _REACH),
    )


def _cells_at(
    top: torch.Tensor, left: torch.Tensor, steps: torch.Tensor, grid_hw: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """List the cells at all pairs of ``steps`` from T corners: (T, n^2), and if they are inside.

    Those outside of the picture are replaced by the nearest inside.
    """
    height, width = grid_hw
    y, x = top[:, None] + steps, left[:, None] + steps
    rows, columns = y.clamp(0, height - 1), x.clamp(0, width - 1)
    inside = (y == rows)[:, :, None] & (x == columns)[:, None]
    return (rows[:, :, None] * width + columns[:, None]).flatten(1), inside.flatten(1)


def _tile_distances() -> tuple[torch.Tensor, torch.Tensor]:
    """Return squared distances, in cells, from a tile's cells to those of its view.

    And what excludes those outside of a cell's window; (_TILE^2, _VIEW^2) both.
    """
    inner = torch.arange(_TILE)
    outer = torch.arange(-_REACH, _TILE + _REACH)
    apart = (inner[:, None] - outer).float()  # (_TILE, _VIEW)
    squares, excluded = (
        (axis[:, None, :, None] + axis[None, :, None, :]).view(_TILE**2, _VIEW**2)
        for axis in (apart.square(), (apart.abs() > _REACH) * EXCLUDED)
    )
    return squares, excluded


def _top_k(values: torch.Tensor, count: int) -> torch.Tensor:
    """Return the flat indices of the ``count`` largest of each (Q, h, w): (Q, count), in no order.

    They lie in the ``count`` rows with the largest maxima, so that only those are sorted.
    """
    height, width = values.shape[1:]
    rows = values.amax(-1).topk(min(count, height), dim=-1, sorted=False).indices  # (Q, r)
    inside = values.gather(1, rows[..., None].expand(-1, -1, width)).flatten(1)  # (Q, r w)
    best = inside.topk(min(count, inside.shape[1]), dim=-1, sorted=False).indices
    return rows.gather(1, best // width) * width + best % width
