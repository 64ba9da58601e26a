"""Remembered crops: of each frame one window, encoded at twice the resolution.

Crops add stride 2 to the strides 16, 8 and 4, inside of a window. A window is cut along s8 cells,
so that each s16 cell of its crop is an s8 cell of the frame. Which remembered s8 cells a cell
resembles is known from the whole frames; their crops refine where exactly. Matches that no crop
shows still count with their weights: a window alone shows too little to tell look-alikes apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .features import EXCLUDED, FrameFeatures, s4_neighbourhoods
from .memory_bank import MemoryBank, RowIndex, keep_channels
from .readout import (
    MIN_PROB,
    REFERENCE_BONUS,
    S4_REFERENCE_BONUS,
    S4_TEMPERATURE,
    S8_WEIGHT,
    Matches,
    MemoryReader,
    chunks,
    rows_of,
)

_SCALE = 2  # s4 cells of a crop along one of its frame
_NOWHERE = -(1 << 20)  # corner of rows without a crop
_TOP_K = 8  # s8 cells of remembered crops that each s8 cell reads from


@dataclass(frozen=True, slots=True)
class Crop:
    """A window of a frame; ``corner``, (2,) int64, is row and column of its first s8 cell.

    ``features`` are those of the window at twice the frame's resolution.
    """

    corner: torch.Tensor
    features: FrameFeatures


@dataclass(slots=True)
class CropMemory:
    """Tables with a row for each row of a `MemoryBank`, (R, ...), for windows of (h, w) s8 cells.

    ``corners`` (R, 2) int64 are row and column of the windows' first s8 cells on the frames.
    ``s8`` is (R, 4 h w, D) in quad order and ``s4`` (R, 16 h w, d) in raster order, as in
    `FrameFeatures`; ``masks_s4`` (R, 16 h w, 1 + N) are soft masks of the s4 cells.
    ``s8_neighbourhoods``, (h w, 16) int64, lists the s8 cells of a crop, in quad order, in and
    round each cell of its window in raster order. ``neighbourhoods``, (4 h w, 16), lists the s4
    cells in and round each s8 cell; ``children``, (h w, 16), those in each cell of a window,
    quarter by quarter.
    """

    window_hw: tuple[int, int]
    corners: torch.Tensor
    s8: torch.Tensor
    s4: torch.Tensor
    masks_s4: torch.Tensor
    s8_neighbourhoods: torch.Tensor
    neighbourhoods: torch.Tensor
    children: torch.Tensor

    @classmethod
    def new(cls, features: FrameFeatures, bank: MemoryBank) -> CropMemory:
        """Make a vacant crop for each row of a bank; ``features`` are those of any crop."""
        (rows, _, channels), device = bank.masks_s4.shape, features.s8.device
        zeros = features.s8.new_zeros
        return cls(
            features.grid_hw,
            torch.full((rows, 2), _NOWHERE, device=device),
            zeros((rows, *features.s8.shape)),
            zeros((rows, *features.s4.shape)),
            zeros((rows, len(features.s4), channels)),
            _s8_neighbourhoods(features.grid_hw, device),
            s4_neighbourhoods(features.grid_hw, device, reach=1),
            s4_neighbourhoods(features.grid_hw, device, reach=0).view(-1, 16),
        )

    def put(
        self,
        bank: MemoryBank,
        row: RowIndex,
        crop: Crop,
        masks_s4: torch.Tensor,
        valid: torch.Tensor,
    ) -> None:
        """Remember the crop of a bank's row, with (16 h w, 1 + N) masks, if ``valid``."""
        bank.write_row(self.corners, row, torch.where(valid, crop.corner, _NOWHERE))
        bank.write_row(self.s8, row, crop.features.s8)
        bank.write_row(self.s4, row, crop.features.s4)
        bank.write_row(self.masks_s4, row, masks_s4)

    def put_none(self, bank: MemoryBank, row: RowIndex) -> None:
        """Remember that no crop was made of a bank's row."""
        bank.write_row(self.corners, row, torch.full_like(self.corners[0], _NOWHERE))

    def make_reference(self, bank: MemoryBank, row: int, newest: RowIndex) -> None:
        """Copy the newest row to that of a reference frame."""
        for table in (self.corners, self.s8, self.s4, self.masks_s4):
            table[row] = bank.read_row(table, newest)

    def reserve(self, bank: MemoryBank) -> None:
        """Add vacant rows and channels, up to as many as a bank has."""
        rows, channels = len(bank.s16) - len(self.corners), 1 + bank.capacity
        channels -= self.masks_s4.shape[-1]
        if rows or channels:
            more_rows = (0, 0, 0, 0, 0, rows)
            self.corners = F.pad(self.corners, more_rows[2:], value=_NOWHERE)
            self.s8, self.s4 = (F.pad(table, more_rows) for table in (self.s8, self.s4))
            self.masks_s4 = F.pad(self.masks_s4, (0, channels, *more_rows[2:]))

    def keep_objects(self, channels: list[int]) -> None:
        """Keep the objects of some channels, counted from 1; the others become background."""
        kept = torch.tensor(channels, dtype=torch.int64, device=self.masks_s4.device)
        self.masks_s4 = keep_channels(self.masks_s4, kept)


def refine_readout(
    logits: torch.Tensor,
    crop: Crop,
    crop_memory: CropMemory,
    memory: MemoryReader,
    matches: Matches,
) -> torch.Tensor:
    """Read masks at twice the resolution of a frame's (N, 4h, 4w) ``logits``, inside of its crop.

    ``matches`` are those of the whole frame. Returns (N, 4h', 4w') log-odds for a window of
    (h', w') s8 cells. Where the readout is certain, it is only upsampled.
    """
    features = crop.features
    scaled = upsample_window(logits, crop.corner, features.grid_hw)
    flat = scaled.flatten(1)
    for query in _chunks(_queries(crop, memory.bank, matches), memory):
        keys = _keys(query.places, crop_memory, memory.bank)
        probs = _read(features, query, keys, crop_memory)  # (B, 16, N)
        uncropped = query.weights.float() * ~keys.inside
        weight = uncropped.sum(1)
        whole = rows_of(memory.bank.masks_s8.flatten(0, 1), query.places)[..., 1:].float()
        whole = (uncropped[..., None] * whole).sum(1) / weight.clamp_min(1e-6)[:, None]  # (B, N)
        probs = torch.lerp(probs, whole[:, None], weight[:, None, None])
        if matches.near is not None:
            probs = matches.near.assign(probs, query.quarters)
        found = torch.logit(probs.clamp(MIN_PROB, 1 - MIN_PROB)).permute(2, 0, 1)
        s4 = crop_memory.children[query.cells]  # (B, 16)
        flat[:, s4] = torch.where(query.uncertain[:, None], found, flat[:, s4])
    return scaled


def upsample_window(
    grids: torch.Tensor, corner: torch.Tensor, window_hw: tuple[int, int]
) -> torch.Tensor:
    """Scale a window of (N, 4h, 4w) grids to twice the resolution: (N, 4h', 4w').

    The window has (h', w') s8 cells, the first of them at ``corner``, (2,) int64.
    """
    cut = F.pad(grids[None], (1, 1, 1, 1), mode="replicate")[0]
    for axis, cells in enumerate(window_hw):
        steps = torch.arange(2 * cells + 2, device=corner.device)  # an s4 cell more on each side
        cut = cut.index_select(1 + axis, 2 * corner[axis] + steps)
    scaled = F.interpolate(cut[None], scale_factor=_SCALE, mode="bilinear", align_corners=False)[0]
    return scaled[:, _SCALE:-_SCALE, _SCALE:-_SCALE].contiguous()


@dataclass(frozen=True, slots=True)
class _Queries:
    """B cells of a window, and their matches in whole frames.

    ``cells`` (B,) are indices in the window's raster order, ``quarters`` (B,) the same cells among
    the frame's s8 cells, in quad order; ``places``, ``similarity`` and
    ``weights`` (B, k) are as in `Matches`; only ``uncertain`` cells, (B,) bool, are read anew.
    """

    cells: torch.Tensor
    quarters: torch.Tensor
    places: torch.Tensor
    similarity: torch.Tensor
    weights: torch.Tensor
    uncertain: torch.Tensor


def _queries(crop: Crop, bank: MemoryBank, matches: Matches) -> _Queries:
    (height, width), corner = bank.grid_hw, crop.corner
    rows, columns = crop.features.grid_hw
    row_of = torch.full((height * width,), -1, device=corner.device)
    row_of[matches.cells] = torch.arange(len(matches.cells), device=corner.device)
    cells = torch.arange(rows * columns, device=corner.device)
    y, x = corner[0] + cells // columns, corner[1] + cells % columns
    s16, child = (y // 2) * width + x // 2, 2 * (y % 2) + x % 2
    row = row_of[s16]
    known = row.clamp_min(0)
    uncertain = (row >= 0) & matches.uncertain[known, child]
    places, similarity, weights = (
        part[known, child] for part in (matches.places, matches.similarity, matches.weights)
    )
    return _Queries(cells, 4 * s16 + child, places, similarity, weights, uncertain)


def _chunks(queries: _Queries, memory: MemoryReader) -> Iterator[_Queries]:
    """Cut queries into chunks that fit a processor's cache."""
    tensors = memory.strategy.keep(
        queries.uncertain,
        queries.cells,
        queries.quarters,
        queries.places,
        queries.similarity,
        queries.weights,
        queries.uncertain,
    )
    for parts in zip(*map(chunks, tensors), strict=True):
        yield _Queries(*parts)


@dataclass(frozen=True, slots=True)
class _Keys:
    """Where in remembered crops the k matches of B cells lie; all are (B, k).

    ``rows`` are those of the bank, ``y`` and ``x`` row and column in the windows of their crops;
    ``inside`` tells if the window shows the match; ``is_reference`` is 1 for reference frames.
    """

    rows: torch.Tensor
    y: torch.Tensor
    x: torch.Tensor
    inside: torch.Tensor
    is_reference: torch.Tensor


def _keys(places: torch.Tensor, crop_memory: CropMemory, bank: MemoryBank) -> _Keys:
    height, width = crop_memory.window_hw
    count = bank.s8.shape[1]
    rows, s8 = places // count, places % count
    s16, child = s8 // 4, s8 % 4
    corners = crop_memory.corners[rows]
    y = 2 * (s16 // bank.grid_hw[1]) + child // 2 - corners[..., 0]
    x = 2 * (s16 % bank.grid_hw[1]) + child % 2 - corners[..., 1]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    return _Keys(rows, y, x, inside, bank.is_reference[rows])


def _read(
    query: FrameFeatures, queries: _Queries, keys: _Keys, crop_memory: CropMemory
) -> torch.Tensor:
    """Read the 16 s4 cells of B cells of a window from crops alone: (B, 16, N) probabilities.

    As for whole frames: first the s8 cells in and round the matches are compared, then the s4 ones
    in and round the best of these.
    """
    height, width = crop_memory.window_hw
    count, device = height * width, query.s8.device
    own = 4 * queries.cells[:, None] + torch.arange(4, device=device)
    s8 = crop_memory.s8_neighbourhoods[keys.y * width + keys.x]
    s8 = (s8 + (4 * count * keys.rows)[..., None]).flatten(1)  # (B, 16 k)
    is_reference = keys.is_reference.to(query.s8.dtype).repeat_interleave(16, dim=1)
    bonus = REFERENCE_BONUS * is_reference + EXCLUDED * ~keys.inside.repeat_interleave(16, dim=1)
    similarity = torch.baddbmm(
        bonus.to(query.s8.dtype)[:, None],
        query.s8[own],
        rows_of(crop_memory.s8.flatten(0, 1), s8).transpose(1, 2),
    )
    best, index = similarity.topk(_TOP_K, dim=-1, sorted=False)  # (B, 4, k')
    is_reference = is_reference.gather(1, index.flatten(1)).view(index.shape)
    known = S8_WEIGHT * (best - REFERENCE_BONUS * is_reference) + S4_REFERENCE_BONUS * is_reference
    places = s8.gather(1, index.flatten(1))
    s4 = crop_memory.neighbourhoods[places % (4 * count)]
    s4 = s4 + (16 * count * (places // (4 * count)))[..., None]
    s4 = s4.view(4 * len(own), -1)  # (4 B, 16 k')
    affinity = torch.baddbmm(
        known.to(query.s4.dtype).repeat_interleave(16, dim=-1).view(len(s4), 1, -1),
        query.s4[crop_memory.children[queries.cells]].view(len(s4), 4, -1),
        rows_of(crop_memory.s4.flatten(0, 1), s4).transpose(1, 2),
    )
    masks = rows_of(crop_memory.masks_s4.flatten(0, 1), s4)  # (4 B, 16 k', 1 + N)
    probs = ((affinity / S4_TEMPERATURE).softmax(-1) @ masks)[..., 1:].float()
    return probs.view(len(own), 16, -1)


def _s8_neighbourhoods(grid_hw: tuple[int, int], device: torch.device) -> torch.Tensor:
    """List the s8 cells, in quad order, in and round each of (h, w) cells: (h w, 16)."""
    height, width = grid_hw
    steps = torch.arange(-1, 3, device=device)
    y = (2 * torch.arange(height, device=device)[:, None] + steps).clamp(0, 2 * height - 1)
    x = (2 * torch.arange(width, device=device)[:, None] + steps).clamp(0, 2 * width - 1)
    rows, columns = y[:, None, :, None], x[None, :, None, :]
    indices = 4 * ((rows // 2) * width + columns // 2) + 2 * (rows % 2) + columns % 2
    return indices.reshape(height * width, 16)
