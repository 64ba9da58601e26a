"""Recall written down as it is defined, cell by cell: what the fast one is held against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from persam_vos.memory.cells import Cells
from persam_vos.memory.tables import Memory

WINDOW, WINDOWED = 8, 3  # coarse cells each way, in that many of the newest frames
OFFERED = 6  # coarse cells of each remembered frame
NEIGHBOURS, TEMPERATURE = 8, 0.05  # middle cells, and of the softmax over their similarities
FINE_TEMPERATURE = 0.02  # of that over all fine cells in and round those
MIDDLE_SHARE = 0.5  # of a fine similarity
BONUS, FINE_BONUS = 0.05, 0.06  # of true masks
DOUBT, SHOWN, MIN_SHARE = 0.02, 0.02, 0.01

Array = npt.NDArray[np.float64]
Match = tuple[float, int, int]
"""Similarity without bonus, row of the memory, middle cell by quads."""


class PlainRecall:
    """The definition of `persam_vos.memory.recall.recall`, in float64."""

    def __init__(self, cells: Cells, memory: Memory, pull: float = 0.0) -> None:
        self.pull = pull
        self.grid_hw = cells.grid_hw
        self.frame = [table.double().numpy() for table in (cells.coarse, cells.middle, cells.fine)]
        tables = (memory.coarse, memory.middle, memory.fine, memory.masks, memory.shares)
        self.coarse, self.middle, self.fine, self.masks, self.shares = (
            table.double().numpy() for table in tables
        )
        self.references = {row: kept.tolist() for row, kept in memory.references.items()}
        self.recent = memory.recent

    def __call__(self, near: npt.NDArray[np.bool_]) -> tuple[Array, npt.NDArray[np.bool_]]:
        """Recall (N, 4h, 4w) log-odds; tells also which (4h, 4w) fine cells were looked at."""
        height, width = self.grid_hw
        shares = np.full((2 * height, 2 * width, self.masks.shape[-1] - 1), MIN_SHARE)
        matches = {}
        for y, x in np.argwhere(near):
            offered = self._offered(y, x)
            if not any(self._shown(row, cell) for row, cell in offered):
                continue
            for quarter in range(4):
                place = (2 * y + quarter // 2, 2 * x + quarter % 2)
                matches[place] = self._match(4 * (y * width + x) + quarter, offered)
                shares[place] = self._listen(matches[place])
        recalled = _doubled(_doubled(_log_odds(shares), 0), 1)
        doubt = ((shares > DOUBT) & (shares < 1 - DOUBT)).any(-1)
        looked_at = np.zeros(recalled.shape[:2], dtype=bool)
        for (y, x), found in matches.items():
            if doubt[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].any():
                known, features, masks = self._round(found)
                for place in [(2 * y + i, 2 * x + j) for i in range(2) for j in range(2)]:
                    similarity = known + features @ self.frame[2][place[0] * 4 * width + place[1]]
                    recalled[place] = _log_odds(_weights(similarity, FINE_TEMPERATURE) @ masks)
                    looked_at[place] = True
        return recalled.transpose(2, 0, 1), looked_at

    def _offered(self, y: int, x: int) -> list[tuple[int, int]]:
        """Rows, and coarse cells in them, that are most like a coarse cell."""
        height, width = self.grid_hw
        offered = []
        for row in [*self.references, *self.recent]:
            searched = self.references.get(row, list(range(height * width)))
            if row in self.recent[:WINDOWED]:
                searched = [
                    cell
                    for cell in searched
                    if abs(cell // width - y) <= WINDOW and abs(cell % width - x) <= WINDOW
                ]
            alike = self.coarse[row, searched] @ self.frame[0][y * width + x]
            alike = alike - [self._distance(y * width + x, cell) for cell in searched]
            offered += [(row, searched[i]) for i in np.argsort(-alike)[:OFFERED]]
        return offered

    def _distance(self, cell: int, other: int) -> float:
        """What the distance of two coarse cells takes off their similarity."""
        width = self.grid_hw[1]
        y, x = cell // width - other // width, cell % width - other % width
        return self.pull * (y * y + x * x)

    def _shown(self, row: int, cell: int) -> bool:
        """Tell whether a coarse cell has some of an object."""
        return bool((self.shares[row, 4 * cell : 4 * cell + 4, 1:] > SHOWN).any())

    def _match(self, quarter: int, offered: list[tuple[int, int]]) -> list[Match]:
        """Find the middle cells, among the quarters of what is offered, most like one of ours."""
        matches = [
            (
                float(self.middle[row, cell] @ self.frame[1][quarter])
                - self._distance(quarter // 4, coarse),
                row,
                cell,
            )
            for row, coarse in offered
            for cell in range(4 * coarse, 4 * coarse + 4)
        ]
        return sorted(matches, key=self._with_bonus, reverse=True)[:NEIGHBOURS]

    def _with_bonus(self, match: Match) -> float:
        return match[0] + BONUS * (match[1] in self.references)

    def _listen(self, matches: list[Match]) -> Array:
        similarity = np.array([self._with_bonus(match) for match in matches])
        masks = np.array([self.shares[row, cell, 1:] for _, row, cell in matches])
        return _weights(similarity, TEMPERATURE) @ masks

    def _round(self, matches: list[Match]) -> tuple[Array, Array, Array]:
        """List the fine cells in and round middle cells: what is known, features, masks.

        At the picture's edges the cells there stand for those that would lie outside.
        """
        height, width = self.grid_hw
        known, features, masks = [], [], []
        for similarity, row, cell in matches:
            coarse, quarter = cell // 4, cell % 4
            top = 4 * (coarse // width) + 2 * (quarter // 2)
            left = 4 * (coarse % width) + 2 * (quarter % 2)
            for y in np.clip(range(top - 1, top + 3), 0, 4 * height - 1):
                for x in np.clip(range(left - 1, left + 3), 0, 4 * width - 1):
                    true = row in self.references
                    known.append(MIDDLE_SHARE * similarity + FINE_BONUS * true)
                    features.append(self.fine[row, y * 4 * width + x])
                    masks.append(self.masks[row, y * 4 * width + x, 1:])
        return np.array(known), np.array(features), np.array(masks)


def _weights(similarity: Array, temperature: float) -> Array:
    weights = np.exp((similarity - similarity.max()) / temperature)
    return weights / weights.sum()


def _log_odds(shares: Array) -> Array:
    shares = shares.clip(MIN_SHARE, 1 - MIN_SHARE)
    return np.log(shares / (1 - shares))


def _doubled(grid: Array, axis: int) -> Array:
    """Twice the cells: each is three parts of the cell it lies in and one of the next nearest."""
    grid = np.moveaxis(grid, axis, 0)
    before, after = np.concatenate([grid[:1], grid[:-1]]), np.concatenate([grid[1:], grid[-1:]])
    halves = np.stack([0.75 * grid + 0.25 * before, 0.75 * grid + 0.25 * after], axis=1)
    return np.moveaxis(halves.reshape(-1, *grid.shape[1:]), 0, axis)
