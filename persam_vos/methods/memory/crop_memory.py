"""Remember close-ups: of each frame one window, seen at twice the resolution.

A close-up is a level below the fine cells, inside a window alone. It is cut along the middle cells,
so that each of its coarse cells is one of the frame's middle cells. What a middle cell resembles in
remembered frames is known from the whole pictures; their close-ups tell more exactly where there.
What lies outside of all close-ups keeps its say: a window shows too little to tell look-alikes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F

from .features import FORBIDDEN, Cells, fine_cells_of
from .memory_bank import Memory, Row, at, put
from .readout import (
    FINE_TEMPERATURE,
    FINE_TRUTH_BONUS,
    MIDDLE_SHARE,
    MIN_SHARE,
    TRUTH_BONUS,
    Matched,
    parts,
    rows_of,
)

_FINER = 2  # fine cells of a close-up along one of its frame
_NOWHERE = -(1 << 20)  # corner of a close-up that was not made
_NEIGHBOURS = 8  # of a close-up's middle cells that each one listens to


@dataclass(slots=True)
class Closeups:
    """Tables with a row for each row of a `Memory`, (R, ...), for windows of (h, w) middle cells.

    ``corners`` (R, 2) int64 are row and column of the windows' first middle cell on the frames.
    ``middle`` is (R, 4 h w, D) by quads and ``fine`` (R, 16 h w, d) row by row, as in `Cells`;
    ``masks`` (R, 16 h w, 1 + N) are soft masks of the fine ones.
    """

    window_hw: tuple[int, int]
    corners: torch.Tensor
    middle: torch.Tensor
    fine: torch.Tensor
    masks: torch.Tensor

    def put(
        self,
        row: Row,
        seen: tuple[torch.Tensor, Cells],
        masks: torch.Tensor,
        made: torch.Tensor,
    ) -> None:
        """Remember a close-up by corner, cells and (16 h w, 1 + N) masks; none unless ``made``."""
        corner, cells = seen
        put(self.corners, row, torch.where(made, corner, _NOWHERE))
        put(self.middle, row, cells.middle)
        put(self.fine, row, cells.fine)
        put(self.masks, row, masks)

    def put_none(self, row: Row) -> None:
        """Remember that no close-up was made of a frame."""
        put(self.corners, row, torch.full_like(self.corners[0], _NOWHERE))

    def keep(self, row: int, newest: Row) -> None:
        """Copy the newest row to that of a reference frame."""
        for table in (self.corners, self.middle, self.fine, self.masks):
            table[row] = at(table, newest)

    def make_room(self, memory: Memory) -> None:
        """Have as many rows and channels as a memory has; there is nothing in new ones."""
        rows, channels = len(memory.coarse) - len(self.corners), 1 + memory.room
        channels -= self.masks.shape[-1]
        if rows or channels:
            more_rows = (0, 0, 0, 0, 0, rows)
            self.corners = F.pad(self.corners, more_rows[2:], value=_NOWHERE)
            self.middle, self.fine = (F.pad(t, more_rows) for t in (self.middle, self.fine))
            self.masks = F.pad(self.masks, (0, channels, *more_rows[2:]))


def new_closeups(cells: Cells, memory: Memory) -> Closeups:
    """Make room for a close-up of each row of a memory; none is in it."""
    rows, channels = len(memory.coarse), memory.masks.shape[-1]
    new = cells.middle.new_zeros
    return Closeups(
        cells.grid_hw,
        torch.full((rows, 2), _NOWHERE, device=cells.middle.device),
        new((rows, *cells.middle.shape)),
        new((rows, *cells.fine.shape)),
        new((rows, len(cells.fine), channels)),
    )


def sharpen(
    logits: torch.Tensor,
    seen: tuple[torch.Tensor, Cells],
    closeups: Closeups,
    memory: Memory,
    matched: Matched,
) -> torch.Tensor:
    """Recall a frame's (N, 4h, 4w) ``logits`` more finely where its close-up shows it.

    ``seen`` are the close-up's corner, (2,) int64, and its cells; ``matched`` is what `recall`
    found for the whole frame. Returns (N, 4h', 4w') log-odds for a window of (h', w') middle cells.
    What `recall` does not doubt is only scaled.
    """
    corner, cells = seen
    scaled = enlarged(logits, corner, cells.grid_hw)
    flat = scaled.flatten(1)
    for asked in _parts(_asked(corner, cells.grid_hw, memory, matched), memory):
        keys = _keys(asked.places, closeups, memory)
        shares = _recalled(cells, asked, keys, closeups)  # (B, 16, N)
        hidden = asked.weights.float() * ~keys.inside
        weight = hidden.sum(1)
        told = rows_of(memory.shares.flatten(0, 1), asked.places)[..., 1:].float()  # (B, k, N)
        told = (hidden[..., None] * told).sum(1) / weight.clamp_min(1e-6)[:, None]
        shares = torch.lerp(shares, told[:, None], weight[:, None, None])
        found = torch.logit(shares.clamp(MIN_SHARE, 1 - MIN_SHARE)).permute(2, 0, 1)
        fine = _fine_of(cells.grid_hw, logits.device)[asked.cells]  # (B, 16)
        flat[:, fine] = torch.where(asked.doubtful[:, None], found, flat[:, fine])
    return scaled


def enlarged(grids: torch.Tensor, corner: torch.Tensor, window_hw: tuple[int, int]) -> torch.Tensor:
    """Scale a window of (N, 4h, 4w) grids to twice the resolution: (N, 4h', 4w').

    The window has (h', w') middle cells, the first of them at ``corner``, (2,) int64.
    """
    cut = F.pad(grids[None], (1, 1, 1, 1), mode="replicate")[0]
    for axis, cells in enumerate(window_hw):
        steps = torch.arange(2 * cells + 2, device=corner.device)  # a fine cell more on each side
        cut = cut.index_select(1 + axis, 2 * corner[axis] + steps)
    scaled = F.interpolate(cut[None], scale_factor=_FINER, mode="bilinear", align_corners=False)[0]
    return scaled[:, _FINER:-_FINER, _FINER:-_FINER].contiguous()


@dataclass(frozen=True, slots=True)
class _Asked:
    """B middle cells of a window, row by row in it, and what they resemble in whole frames.

    ``cells`` (B,); ``places``, ``similarity`` and ``weights`` (B, k) as in `Matches`; only the
    ``doubtful``, (B,) bool, are recalled anew.
    """

    cells: torch.Tensor
    places: torch.Tensor
    similarity: torch.Tensor
    weights: torch.Tensor
    doubtful: torch.Tensor


def _asked(
    corner: torch.Tensor, window_hw: tuple[int, int], memory: Memory, matched: Matched
) -> _Asked:
    height, width = memory.grid_hw
    chosen, matches, doubtful = matched
    row_of = torch.full((height * width,), -1, device=corner.device)
    row_of[chosen] = torch.arange(len(chosen), device=corner.device)
    cells = torch.arange(window_hw[0] * window_hw[1], device=corner.device)
    y, x = corner[0] + cells // window_hw[1], corner[1] + cells % window_hw[1]
    row, child = row_of[(y // 2) * width + x // 2], 2 * (y % 2) + x % 2
    known = row.clamp_min(0)
    doubtful = (row >= 0) & doubtful[known, child]
    places, similarity, weights = (
        part[known, child] for part in (matches.places, matches.similarity, matches.weights)
    )
    return _Asked(cells, places, similarity, weights, doubtful)


def _parts(asked: _Asked, memory: Memory) -> Iterator[_Asked]:
    """Cut what is asked into parts that fit a processor's cache; nothing is left out if fixed."""
    tensors: tuple[torch.Tensor, ...]
    tensors = (asked.cells, asked.places, asked.similarity, asked.weights, asked.doubtful)
    if not memory.fixed:
        tensors = tuple(tensor[asked.doubtful] for tensor in tensors)
    for cells, places, similarity, weights, doubtful in zip(*map(parts, tensors), strict=True):
        yield _Asked(cells, places, similarity, weights, doubtful)


@dataclass(frozen=True, slots=True)
class _Keys:
    """Where close-ups show k places for each of B cells: (B, k).

    ``rows`` of the memory, row ``y`` and column ``x`` in the windows of their close-ups, and
    whether those are ``inside``; ``true`` is 1 for rows with true masks.
    """

    rows: torch.Tensor
    y: torch.Tensor
    x: torch.Tensor
    inside: torch.Tensor
    true: torch.Tensor


def _keys(places: torch.Tensor, closeups: Closeups, memory: Memory) -> _Keys:
    height, width = closeups.window_hw
    count = memory.middle.shape[1]
    rows, middle = places // count, places % count
    coarse, child = middle // 4, middle % 4
    corners = closeups.corners[rows]
    y = 2 * (coarse // memory.grid_hw[1]) + child // 2 - corners[..., 0]
    x = 2 * (coarse % memory.grid_hw[1]) + child % 2 - corners[..., 1]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    return _Keys(rows, y, x, inside, memory.true[rows])


def _recalled(cells: Cells, asked: _Asked, keys: _Keys, closeups: Closeups) -> torch.Tensor:
    """Recall the 16 fine cells of B cells of a window from close-ups alone: (B, 16, N) shares.

    As `recall` does: first the middle cells in and round the matches are compared, then the fine
    ones in and round the best of these.
    """
    grid_hw, device = closeups.window_hw, cells.middle.device
    count = grid_hw[0] * grid_hw[1]
    round_middle, round_fine = _rounds(grid_hw, device)
    own = 4 * asked.cells[:, None] + torch.arange(4, device=device)
    middle = round_middle[keys.y * grid_hw[1] + keys.x] + (4 * count * keys.rows)[..., None]
    true = keys.true.to(cells.middle.dtype).repeat_interleave(16, dim=1)  # (B, 16 k)
    bonus = TRUTH_BONUS * true + FORBIDDEN * ~keys.inside.repeat_interleave(16, dim=1)
    middle = middle.flatten(1)
    similarity = torch.baddbmm(
        bonus.to(cells.middle.dtype)[:, None],
        cells.middle[own],
        rows_of(closeups.middle.flatten(0, 1), middle).transpose(1, 2),
    )
    best, index = similarity.topk(_NEIGHBOURS, dim=-1, sorted=False)  # (B, 4, k')
    true = true.gather(1, index.flatten(1)).view(index.shape)
    known = MIDDLE_SHARE * (best - TRUTH_BONUS * true) + FINE_TRUTH_BONUS * true
    places = middle.gather(1, index.flatten(1))
    fine = round_fine[places % (4 * count)] + (16 * count * (places // (4 * count)))[..., None]
    fine = fine.view(4 * len(own), -1)  # (4 B, 16 k')
    affinity = torch.baddbmm(
        known.to(cells.fine.dtype).repeat_interleave(16, dim=-1).view(len(fine), 1, -1),
        cells.fine[_fine_of(grid_hw, device)[asked.cells]].view(len(fine), 4, -1),
        rows_of(closeups.fine.flatten(0, 1), fine).transpose(1, 2),
    )
    masks = rows_of(closeups.masks.flatten(0, 1), fine)  # (4 B, 16 k', 1 + N)
    shares = ((affinity / FINE_TEMPERATURE).softmax(-1) @ masks)[..., 1:].float()
    return shares.view(len(own), 16, -1)


@cache
def _rounds(grid_hw: tuple[int, int], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """List the cells in and round others of a window of (h, w) cells, row by row.

    Middle ones, by quads, of each of these, (h w, 16), and fine ones, row by row, of each middle
    one, (4 h w, 16).
    """
    height, width = grid_hw
    steps = torch.arange(-1, 3)
    y = (2 * torch.arange(height)[:, None] + steps).clamp(0, 2 * height - 1)
    x = (2 * torch.arange(width)[:, None] + steps).clamp(0, 2 * width - 1)
    rows, columns = y[:, None, :, None], x[None, :, None, :]
    quads = 4 * ((rows // 2) * width + columns // 2) + 2 * (rows % 2) + columns % 2
    fine = fine_cells_of(grid_hw, torch.device("cpu"), reach=1)
    return quads.reshape(height * width, 16).to(device), fine.to(device)


@cache
def _fine_of(grid_hw: tuple[int, int], device: torch.device) -> torch.Tensor:
    """List the fine cells in each cell of a window: (h w, 16), quarter by quarter."""
    fine = fine_cells_of(grid_hw, torch.device("cpu"), reach=0)
    return fine.view(-1, 16).to(device)
