"""Recall and close-ups written down as defined, cell by cell: what the fast one is held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from persam_vos.methods.memory.crop_memory import Closeups
from persam_vos.methods.memory.features import Cells
from persam_vos.methods.memory.memory_bank import Memory
from persam_vos.methods.memory.readout import Matched

WINDOW, WINDOWED = 8, 3  # coarse cells each way, in that many of the newest frames
OFFERED = 6  # coarse cells of each remembered frame
NEIGHBOURS, TEMPERATURE = 8, 0.05  # middle cells, and of the softmax over their similarities
FINE_TEMPERATURE = 0.02  # of that over all fine cells in and round those
MIDDLE_SHARE = 0.5  # of a fine similarity
BONUS, FINE_BONUS = 0.05, 0.06  # of true masks
DOUBT, SHOWN, MIN_SHARE = 0.02, 0.02, 0.01
STAKE = 0.1  # of a middle cell

Array = npt.NDArray[np.float64]
Place = tuple[int, int]
Match = tuple[float, int, int]
"""Similarity without bonus, row of the memory, middle cell by quads."""


class PlainRecall:
    """The definition of `persam_vos.memory.recall.recall`, in float64.

    ``astray`` are channels of masks, from 1.
    """

    def __init__(
        self, cells: Cells, memory: Memory, pull: float = 0.0, astray: Sequence[int] = ()
    ) -> None:
        self.pull, self.astray = pull, list(astray)
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
        self.near = near
        shares = np.full((2 * height, 2 * width, self.masks.shape[-1] - 1), MIN_SHARE)
        matches = {}
        for y, x in np.argwhere(near | bool(self.astray)):
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
        for channel in range(recalled.shape[-1]):
            if self.astray and 1 + channel not in self.astray:
                finer = near.repeat(4, 0).repeat(4, 1)
                recalled[~finer, channel] = _log_odds(np.zeros(1))[0]
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
            distance = self._any_distance if row in self.recent[:WINDOWED] else self._distance
            alike = alike - [distance(y * width + x, row, cell) for cell in searched]
            offered += [(row, searched[i]) for i in np.argsort(-alike)[:OFFERED]]
        return offered

    def _distance(self, cell: int, row: int, other: int) -> float:
        """What the distance of two coarse cells takes off their similarity."""
        at_stake = self.shares[row, 4 * other : 4 * other + 4][:, self.astray]
        if self.astray and (not self.near.flat[cell] or (at_stake > STAKE).any()):
            return 0.0
        return self._any_distance(cell, row, other)

    def _any_distance(self, cell: int, _: int, other: int) -> float:
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
                - self._distance(quarter // 4, row, coarse),
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


class PlainCloseups:
    """The definition of `persam_vos.memory.closeups.sharpen`, in float64."""

    def __init__(
        self, seen: tuple[torch.Tensor, Cells], closeups: Closeups, memory: Memory
    ) -> None:
        corner, cells = seen
        self.corner = tuple(corner.tolist())
        self.window_hw, self.grid_hw = cells.grid_hw, memory.grid_hw
        self.frame = [table.double().numpy() for table in (cells.middle, cells.fine)]
        tables = (closeups.middle, closeups.fine, closeups.masks, memory.shares)
        self.middle, self.fine, self.masks, self.shares = (
            table.double().numpy() for table in tables
        )
        self.corners = closeups.corners.tolist()
        self.references = memory.references

    def __call__(self, logits: torch.Tensor, matched: Matched) -> Array:
        """Recall the (N, 4h', 4w') log-odds of the window."""
        scaled = _doubled(_doubled(logits.double().numpy(), 1), 2)
        top, left = (4 * place for place in self.corner)
        answer = scaled[:, top:, left:][:, : 4 * self.window_hw[0], : 4 * self.window_hw[1]].copy()
        chosen, matches, doubtful = matched
        for at, child in np.argwhere(doubtful.numpy()):
            place = self._in_window(4 * int(chosen[at]) + child, self.corner)
            if self._inside(place):
                found = zip(matches.places[at, child], matches.weights[at, child], strict=True)
                self._recall(answer, place, [(int(key), float(weight)) for key, weight in found])
        return answer

    def _in_window(self, middle: int, corner: Sequence[int]) -> Place:
        """Say where a middle cell of a frame is in a window of it."""
        width = self.grid_hw[1]
        y, x = 2 * (middle // 4 // width) + middle % 4 // 2, 2 * (middle // 4 % width) + middle % 2
        return y - corner[0], x - corner[1]

    def _inside(self, place: Place) -> bool:
        return all(0 <= at < size for at, size in zip(place, self.window_hw, strict=True))

    def _recall(self, answer: Array, place: Place, found: list[tuple[int, float]]) -> None:
        told, hidden, shown = np.zeros(len(answer)), 0.0, []
        for key, weight in found:
            row, middle = divmod(key, self.shares.shape[1])
            there = self._in_window(middle, self.corners[row])
            if self._inside(there):
                shown += [(row, near) for near in self._round(there, 1, 2)]
            else:
                told += weight * self.shares[row, middle, 1:]
                hidden += weight
        for middle_place in self._round(place, 0, 2):
            best = self._best(middle_place, shown)
            for y, x in self._round(middle_place, 0, 4):
                share = told.copy()
                if best:
                    share += (1 - hidden) * self._listen((y, x), best)
                answer[:, y, x] = _log_odds(share)

    def _round(self, place: Place, reach: int, scale: int) -> list[Place]:
        """List the half as large cells in and round a cell, of ``scale`` along the window's."""
        rows, columns = (
            np.clip(range(2 * at - reach, 2 * at + 2 + reach), 0, scale * size - 1).tolist()
            for at, size in zip(place, self.window_hw, strict=True)
        )
        return [(y, x) for y in rows for x in columns]

    def _quad(self, place: Place) -> int:
        y, x = place
        return 4 * (y // 2 * self.window_hw[1] + x // 2) + 2 * (y % 2) + x % 2

    def _best(self, own: Place, shown: list[tuple[int, Place]]) -> list[tuple[float, int, Place]]:
        """Find the middle cells of close-ups most like one of ours: similarity, row, place."""
        alike = [
            (
                float(self.frame[0][self._quad(own)] @ self.middle[row, self._quad(place)])
                + BONUS * (row in self.references),
                row,
                place,
            )
            for row, place in shown
        ]
        return sorted(alike)[-NEIGHBOURS:]

    def _listen(self, own: Place, best: list[tuple[float, int, Place]]) -> Array:
        width = 4 * self.window_hw[1]
        known, masks = [], []
        for similarity, row, place in best:
            true = row in self.references
            for y, x in self._round(place, 1, 4):
                alike = self.frame[1][own[0] * width + own[1]] @ self.fine[row, y * width + x]
                known.append(alike + MIDDLE_SHARE * (similarity - BONUS * true) + FINE_BONUS * true)
                masks.append(self.masks[row, y * width + x, 1:])
        share: Array = _weights(np.array(known), FINE_TEMPERATURE) @ np.array(masks)
        return share


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
