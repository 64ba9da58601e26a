"""The memory readout and its crops as they are defined, cell by cell; slow, for comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from persam_vos.methods.memory.crop_memory import Crop, CropMemory
from persam_vos.methods.memory.features import FrameFeatures
from persam_vos.methods.memory.memory_bank import MemoryBank
from persam_vos.methods.memory.readout import Matches

WINDOW, WINDOWED = 8, 3  # s16 cells each way, in that many of the newest frames
TOP_K_S16 = 6  # s16 cells of each remembered frame
TOP_K_S8, TEMPERATURE = 8, 0.05  # s8 cells, and of the softmax over their similarities
S4_TEMPERATURE = 0.02  # of that over all s4 cells in and round those
S8_WEIGHT = 0.5  # of an s4 similarity
BONUS, S4_BONUS = 0.05, 0.06  # of reference frames
CERTAIN, OBJECT_PROB, MIN_PROB = 0.02, 0.02, 0.01
LOST_PROB = 0.1  # of an s8 cell that has some of a lost object

Array = npt.NDArray[np.float64]
Place = tuple[int, int]
Match = tuple[float, int, int]
"""Similarity without bonus, row of the bank, s8 cell in quad order."""


class PlainReadout:
    """The definition of `persam_vos.methods.memory.readout.MemoryReader`, in float64.

    ``lost`` are channels of masks, from 1.
    """

    def __init__(
        self,
        features: FrameFeatures,
        memory: MemoryBank,
        prior_strength: float = 0.0,
        lost: Sequence[int] = (),
    ) -> None:
        self.prior_strength, self.lost = prior_strength, list(lost)
        self.grid_hw = features.grid_hw
        self.frame = [rows.double().numpy() for rows in (features.s16, features.s8, features.s4)]
        tables = (memory.s16, memory.s8, memory.s4, memory.masks_s4, memory.masks_s8)
        self.s16, self.s8, self.s4, self.masks, self.mask_probs = (
            table.double().numpy() for table in tables
        )
        self.references = {row: kept.tolist() for row, kept in memory.references.items()}
        self.recent_rows = [int(row) for row in memory.recent_rows]

    def __call__(self, search_mask: npt.NDArray[np.bool_]) -> tuple[Array, npt.NDArray[np.bool_]]:
        """Read (N, 4h, 4w) log-odds; returns also which (4h, 4w) s4 cells were refined."""
        height, width = self.grid_hw
        self.search_mask = search_mask
        mask_probs = np.full((2 * height, 2 * width, self.masks.shape[-1] - 1), MIN_PROB)
        matches = {}
        for y, x in np.argwhere(search_mask | bool(self.lost)):
            candidates = self._candidates(y, x)
            if not any(self._has_object(row, cell) for row, cell in candidates):
                continue
            for quarter in range(4):
                place = (2 * y + quarter // 2, 2 * x + quarter % 2)
                matches[place] = self._match(4 * (y * width + x) + quarter, candidates)
                mask_probs[place] = self._read_s8(matches[place])
        readout = _doubled(_doubled(_log_odds(mask_probs), 0), 1)
        uncertain: npt.NDArray[np.bool_] = np.any(
            (mask_probs > CERTAIN) & (mask_probs < 1 - CERTAIN), axis=-1
        )
        refined = np.zeros(readout.shape[:2], dtype=bool)
        for (y, x), found in matches.items():
            if uncertain[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].any():
                known, features, masks = self._round(found)
                for place in [(2 * y + i, 2 * x + j) for i in range(2) for j in range(2)]:
                    similarity = known + features @ self.frame[2][place[0] * 4 * width + place[1]]
                    readout[place] = _log_odds(_weights(similarity, S4_TEMPERATURE) @ masks)
                    refined[place] = True
        for channel in range(readout.shape[-1]):
            if self.lost and 1 + channel not in self.lost:
                searched = search_mask.repeat(4, 0).repeat(4, 1)
                readout[~searched, channel] = _log_odds(np.zeros(1))[0]
        return readout.transpose(2, 0, 1), refined

    def _candidates(self, y: int, x: int) -> list[tuple[int, int]]:
        """Rows, and the s16 cells in them that are most similar to an s16 cell."""
        height, width = self.grid_hw
        candidates = []
        for row in [*self.references, *self.recent_rows]:
            searched = self.references.get(row, list(range(height * width)))
            if row in self.recent_rows[:WINDOWED]:
                searched = [
                    cell
                    for cell in searched
                    if abs(cell // width - y) <= WINDOW and abs(cell % width - x) <= WINDOW
                ]
            alike = self.s16[row, searched] @ self.frame[0][y * width + x]
            distance = self._any_distance if row in self.recent_rows[:WINDOWED] else self._distance
            alike = alike - [distance(y * width + x, row, cell) for cell in searched]
            candidates += [(row, searched[i]) for i in np.argsort(-alike)[:TOP_K_S16]]
        return candidates

    def _distance(self, cell: int, row: int, other: int) -> float:
        """By how much the distance of two s16 cells lowers their similarity."""
        lost_probs = self.mask_probs[row, 4 * other : 4 * other + 4][:, self.lost]
        if self.lost and (not self.search_mask.flat[cell] or (lost_probs > LOST_PROB).any()):
            return 0.0
        return self._any_distance(cell, row, other)

    def _any_distance(self, cell: int, _: int, other: int) -> float:
        width = self.grid_hw[1]
        y, x = cell // width - other // width, cell % width - other % width
        return self.prior_strength * (y * y + x * x)

    def _has_object(self, row: int, cell: int) -> bool:
        """Tell whether an s16 cell has some of an object."""
        return bool((self.mask_probs[row, 4 * cell : 4 * cell + 4, 1:] > OBJECT_PROB).any())

    def _match(self, quarter: int, candidates: list[tuple[int, int]]) -> list[Match]:
        """Find the s8 cells, among the quarters of candidates, most similar to one of the frame."""
        matches = [
            (
                float(self.s8[row, cell] @ self.frame[1][quarter])
                - self._distance(quarter // 4, row, s16),
                row,
                cell,
            )
            for row, s16 in candidates
            for cell in range(4 * s16, 4 * s16 + 4)
        ]
        return sorted(matches, key=self._with_bonus, reverse=True)[:TOP_K_S8]

    def _with_bonus(self, match: Match) -> float:
        return match[0] + BONUS * (match[1] in self.references)

    def _read_s8(self, matches: list[Match]) -> Array:
        similarity = np.array([self._with_bonus(match) for match in matches])
        masks = np.array([self.mask_probs[row, cell, 1:] for _, row, cell in matches])
        read: Array = _weights(similarity, TEMPERATURE) @ masks
        return read

    def _round(self, matches: list[Match]) -> tuple[Array, Array, Array]:
        """List the s4 cells in and round s8 cells: what is known, features, masks.

        At the picture's edges the cells there stand for those that would lie outside.
        """
        height, width = self.grid_hw
        known, features, masks = [], [], []
        for similarity, row, cell in matches:
            s16, quarter = cell // 4, cell % 4
            top = 4 * (s16 // width) + 2 * (quarter // 2)
            left = 4 * (s16 % width) + 2 * (quarter % 2)
            for y in np.clip(range(top - 1, top + 3), 0, 4 * height - 1):
                for x in np.clip(range(left - 1, left + 3), 0, 4 * width - 1):
                    is_reference = row in self.references
                    known.append(S8_WEIGHT * similarity + S4_BONUS * is_reference)
                    features.append(self.s4[row, y * 4 * width + x])
                    masks.append(self.masks[row, y * 4 * width + x, 1:])
        return np.array(known), np.array(features), np.array(masks)


class PlainCropRefine:
    """The definition of `persam_vos.methods.memory.crop_memory.refine_readout`, in float64."""

    def __init__(self, crop: Crop, crop_memory: CropMemory, memory: MemoryBank) -> None:
        corner, features = crop.corner, crop.features
        self.corner = tuple(corner.tolist())
        self.window_hw, self.grid_hw = features.grid_hw, memory.grid_hw
        self.frame = [table.double().numpy() for table in (features.s8, features.s4)]
        tables = (crop_memory.s8, crop_memory.s4, crop_memory.masks_s4, memory.masks_s8)
        self.s8, self.s4, self.masks, self.mask_probs = (table.double().numpy() for table in tables)
        self.corners = crop_memory.corners.tolist()
        self.references = memory.references

    def __call__(self, logits: torch.Tensor, matches: Matches) -> Array:
        """Read the (N, 4h', 4w') log-odds of the window."""
        scaled = _doubled(_doubled(logits.double().numpy(), 1), 2)
        top, left = (4 * place for place in self.corner)
        result = scaled[:, top:, left:][:, : 4 * self.window_hw[0], : 4 * self.window_hw[1]].copy()
        for at, child in np.argwhere(matches.uncertain.numpy()):
            place = self._in_window(4 * int(matches.cells[at]) + child, self.corner)
            if self._inside(place):
                found = zip(matches.places[at, child], matches.weights[at, child], strict=True)
                self._read(result, place, [(int(key), float(weight)) for key, weight in found])
        return result

    def _in_window(self, s8: int, corner: Sequence[int]) -> Place:
        """Say where an s8 cell of a frame is in a window of it."""
        width = self.grid_hw[1]
        y, x = 2 * (s8 // 4 // width) + s8 % 4 // 2, 2 * (s8 // 4 % width) + s8 % 2
        return y - corner[0], x - corner[1]

    def _inside(self, place: Place) -> bool:
        return all(0 <= at < size for at, size in zip(place, self.window_hw, strict=True))

    def _read(self, result: Array, place: Place, found: list[tuple[int, float]]) -> None:
        uncropped, weights, shown = np.zeros(len(result)), 0.0, []
        for key, weight in found:
            row, s8 = divmod(key, self.mask_probs.shape[1])
            match = self._in_window(s8, self.corners[row])
            if self._inside(match):
                shown += [(row, s8_place) for s8_place in self._round(match, 1, 2)]
            else:
                uncropped += weight * self.mask_probs[row, s8, 1:]
                weights += weight
        for s8_place in self._round(place, 0, 2):
            best = self._best(s8_place, shown)
            for y, x in self._round(s8_place, 0, 4):
                probs = uncropped.copy()
                if best:
                    probs += (1 - weights) * self._read_s4((y, x), best)
                result[:, y, x] = _log_odds(probs)

    def _round(self, place: Place, reach: int, scale: int) -> list[Place]:
        """List cells of half the size in and round one; a window has ``scale`` along an s8 cell."""
        rows, columns = (
            np.clip(range(2 * at - reach, 2 * at + 2 + reach), 0, scale * size - 1).tolist()
            for at, size in zip(place, self.window_hw, strict=True)
        )
        return [(y, x) for y in rows for x in columns]

    def _quad_index(self, place: Place) -> int:
        y, x = place
        return 4 * (y // 2 * self.window_hw[1] + x // 2) + 2 * (y % 2) + x % 2

    def _best(self, own: Place, shown: list[tuple[int, Place]]) -> list[tuple[float, int, Place]]:
        """Find the s8 cells of crops most similar to one of the frame's: similarity, row, place."""
        alike = [
            (
                float(self.frame[0][self._quad_index(own)] @ self.s8[row, self._quad_index(place)])
                + BONUS * (row in self.references),
                row,
                place,
            )
            for row, place in shown
        ]
        return sorted(alike)[-TOP_K_S8:]

    def _read_s4(self, own: Place, best: list[tuple[float, int, Place]]) -> Array:
        width = 4 * self.window_hw[1]
        known, masks = [], []
        for similarity, row, place in best:
            is_reference = row in self.references
            for y, x in self._round(place, 1, 4):
                alike = self.frame[1][own[0] * width + own[1]] @ self.s4[row, y * width + x]
                known.append(
                    alike
                    + S8_WEIGHT * (similarity - BONUS * is_reference)
                    + S4_BONUS * is_reference
                )
                masks.append(self.masks[row, y * width + x, 1:])
        probs: Array = _weights(np.array(known), S4_TEMPERATURE) @ np.array(masks)
        return probs


def _weights(similarity: Array, temperature: float) -> Array:
    weights = np.exp((similarity - similarity.max()) / temperature)
    normalised: Array = weights / weights.sum()
    return normalised


def _log_odds(mask_probs: Array) -> Array:
    mask_probs = mask_probs.clip(MIN_PROB, 1 - MIN_PROB)
    return np.log(mask_probs / (1 - mask_probs))


def _doubled(grid: Array, axis: int) -> Array:
    """Twice the cells: each is three parts of the cell it lies in and one of the next nearest."""
    grid = np.moveaxis(grid, axis, 0)
    before, after = np.concatenate([grid[:1], grid[:-1]]), np.concatenate([grid[1:], grid[-1:]])
    halves = np.stack([0.75 * grid + 0.25 * before, 0.75 * grid + 0.25 * after], axis=1)
    return np.moveaxis(halves.reshape(-1, *grid.shape[1:]), 0, axis)
