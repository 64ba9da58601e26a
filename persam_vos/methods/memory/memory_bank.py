"""The memory bank: features and soft masks of remembered frames; it does not grow with the clip.

The last frames are in a ring buffer. Reference frames, whose masks are given, are in the rows
behind it for as long as an object needs them. Background and objects are channels of one mask
tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import torch
import torch.nn.functional as F

from .features import (
    EXCLUDED,
    FrameFeatures,
    at_s4,
    dilated,
    s4_neighbourhoods,
    to_quad_order,
    to_raster_order,
)

AGES = (1, 2, 4, 8, 16)  # frames back that are searched: the older, the less they have drifted
FOUR_FRAMES = AGES.index(4)  # over which motions are measured
_REFERENCE_REACH = 4  # s16 cells round a reference's objects that are all searched
_SPARSE_STEP = 8  # of the rest every eighth is, each way: enough to tell false matches
_TABLES = ("s16", "s8", "s4", "masks_s4", "masks_s8", "has_object", "is_reference")
_OBJECT_PROB = 0.02  # of an s8 cell that has some of an object; readouts are 0.01 or more
_SPARE = 4  # objects, or references, that capacity is added for at once, after the first

RowIndex = int | torch.Tensor
"""Row of a remembered frame: a number, or (1,) int64 on the device."""


@dataclass(slots=True)
class MemoryBank:
    """Tables with a row for each remembered frame, (R, ...); see `FrameFeatures` for their content.

    ``masks_s4`` is (R, 16 h w, 1 + N): soft masks at stride 4, in raster order. Channel 0 is the
    background, and the channels of a cell sum to 1. ``masks_s8`` is the same at stride 8, in quad
    order. ``has_object``, (R, h w) bool, tells which s16 cells have some of an object;
    ``is_reference``, (R,) float, is 1 for reference frames. ``neighbourhoods``, (4 h w, 16) int64,
    lists the s4 cells in and round each s8 cell, ``children``, (4 h w, 4), those in it.
    ``references_s8``, (R, N, 4 h w) in raster order, is how the masks of the objects' reference
    frames were propagated to each frame, 0 where not known.
    """

    grid_hw: tuple[int, int]
    s16: torch.Tensor
    s8: torch.Tensor
    s4: torch.Tensor
    masks_s4: torch.Tensor
    masks_s8: torch.Tensor
    has_object: torch.Tensor
    is_reference: torch.Tensor
    references_s8: torch.Tensor
    neighbourhoods: torch.Tensor
    children: torch.Tensor
    references: dict[int, torch.Tensor] = field(default_factory=dict)
    """Rows of reference frames, and which of their s16 cells are searched, (K,) int64."""
    _count: int = 0  # frames added so far, as far as the host knows

    @classmethod
    def new(cls, features: FrameFeatures, channels: int) -> MemoryBank:
        """Make an empty bank for frames like the one of ``features``, with 1 + N mask channels."""
        cells, device = len(features.s16), features.s16.device
        new, rows = features.s16.new_zeros, AGES[-1] + 1
        return cls(
            features.grid_hw,
            s16=new((rows, *features.s16.shape)),
            s8=new((rows, *features.s8.shape)),
            s4=new((rows, *features.s4.shape)),
            masks_s4=new((rows, 16 * cells, channels)),
            masks_s8=new((rows, 4 * cells, channels)),
            has_object=new((rows, cells), dtype=torch.bool),
            is_reference=new(rows),
            references_s8=new((AGES[-1], channels - 1, 4 * cells)),
            neighbourhoods=s4_neighbourhoods(features.grid_hw, device, reach=1),
            children=s4_neighbourhoods(features.grid_hw, device, reach=0),
        )

    @property
    def capacity(self) -> int:
        """How many objects there are channels for."""
        return self.masks_s4.shape[-1] - 1

    @property
    def full(self) -> bool:
        """Whether the ring is full."""
        return self._count >= AGES[-1]

    @property
    def recent_count(self) -> int:
        """How many recent frames are searched."""
        return sum(age <= self._count for age in AGES)

    @property
    def recent_rows(self) -> list[RowIndex]:
        """Rows of the recent frames that are searched, the newest first."""
        return [(self._count - age) % AGES[-1] for age in AGES if age <= self._count]

    @property
    def newest_masks_s4(self) -> torch.Tensor:
        """Masks of the frame that was added last, (16 h w, 1 + N) float32."""
        return self.read_row(self.masks_s4, self.recent_rows[0]).float()

    @property
    def newest_masks_s8(self) -> torch.Tensor:
        """The same at stride 8, (4 h w, 1 + N) in quad order."""
        return self.read_row(self.masks_s8, self.recent_rows[0]).float()

    @property
    def newest_grids_s8(self) -> torch.Tensor:
        """Masks of the frame that was added last, as (N, 2h, 2w) grids of their s8 cells."""
        height, width = (2 * side for side in self.grid_hw)
        rows = to_raster_order(self.newest_masks_s8[:, 1:], (height, width))
        return rows.T.reshape(-1, height, width)

    def mask_grids(self, row: int, channels: list[int]) -> torch.Tensor:
        """Return some remembered masks as (N, 4h, 4w) grids of their s4 cells."""
        height, width = self.grid_hw
        return self.masks_s4[row][:, channels].T.reshape(-1, 4 * height, 4 * width).float()

    def add(self, features: FrameFeatures, masks_s4: torch.Tensor) -> None:
        """Remember a frame by its (16 h w, 1 + N) masks; the oldest one is forgotten."""
        self._advance()
        row = self.recent_rows[0]
        self.write_row(self.s16, row, features.s16)
        self.write_row(self.s8, row, features.s8)
        self.write_row(self.s4, row, self._stored_s4(features.s4))
        self._write_masks(row, masks_s4)

    def correct(self, masks_s4: torch.Tensor) -> None:
        """Replace the masks of the newest frame."""
        self._write_masks(self.recent_rows[0], masks_s4)

    def note_references(self, propagated: torch.Tensor) -> None:
        """Note how the (N, 2h, 2w) references were propagated to the newest frame."""
        self.write_row(self.references_s8, self.recent_rows[0], propagated.flatten(1))

    def begin_references(self, objects: list[int], given: torch.Tensor) -> None:
        """Propagate some objects anew, from the (K, 2h, 2w) given masks of the newest frame."""
        self.references_s8[:, objects] = 0
        newest = self.read_row(self.references_s8, self.recent_rows[0]).clone()
        newest[objects] = given.flatten(1).to(newest.dtype)
        self.write_row(self.references_s8, self.recent_rows[0], newest)

    def retract(self, row: RowIndex, wrong: torch.Tensor) -> None:
        """Make some s8 cells of a remembered frame, (N, 2h, 2w) bool of N objects, background."""
        masks = self.read_row(self.masks_s4, row)
        cells = at_s4(wrong).flatten(1).T
        objects = masks[:, 1:].masked_fill(cells, 0)
        background = masks[:, :1] + (masks[:, 1:] - objects).sum(1, keepdim=True)
        self._write_masks(row, torch.cat([background, objects], 1))

    def make_reference(self) -> int:
        """Keep the newest frame, whose masks are given, until `forget`; returns its row."""
        rows = len(self.s16)
        row = next((r for r in range(AGES[-1], rows) if r not in self.references), rows)
        if row == rows:
            count = rows - AGES[-1]
            self._grow(self._capacity_for(count + 1, count) - count)
        newest = self.recent_rows[0]
        for name in _TABLES:
            table = getattr(self, name)
            table[row] = self.read_row(table, newest)
        self.is_reference[row] = 1
        self.references[row] = self._searched_cells(self.masks_s8[row])
        return row

    def forget(self, row: int) -> None:
        """Free the row of a reference frame."""
        del self.references[row]
        for name in _TABLES:
            getattr(self, name)[row] = 0

    def reserve(self, objects: int) -> None:
        """Have channels for at least so many objects; new ones are 0 in all remembered masks."""
        added = self._capacity_for(objects, self.capacity) - self.capacity
        if added:
            self.masks_s4, self.masks_s8 = (
                F.pad(table, (0, added)) for table in (self.masks_s4, self.masks_s8)
            )
            self.references_s8 = F.pad(self.references_s8, (0, 0, 0, added))

    def keep_objects(self, channels: list[int]) -> None:
        """Keep the objects of some channels, counted from 1; the others become background.

        In ``has_object``, too.
        """
        kept = torch.tensor(channels, dtype=torch.int64, device=self.masks_s4.device)
        self.masks_s4, self.masks_s8 = (
            keep_channels(table, kept) for table in (self.masks_s4, self.masks_s8)
        )
        self.references_s8 = self.references_s8.index_select(1, kept - 1)
        self.has_object.copy_(self._has_object(self.masks_s8))

    def gather_s4(self, places: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Return the s4 features in and round (B, k) s8 cells: (B, 16 k, d).

        ``places`` are indices of the s8 cells in all rows, flattened; ``keys`` (B, 16 k) those of
        their s4 cells.
        """
        del places
        return self.s4.flatten(0, 1).index_select(0, keys.flatten()).view(*keys.shape, -1)

    @staticmethod
    def read_row(table: torch.Tensor, row: RowIndex) -> torch.Tensor:
        """Return one row of an (R, ...) table: a view, or a copy if the host does not know it."""
        return table[row]

    @staticmethod
    def write_row(table: torch.Tensor, row: RowIndex, content: torch.Tensor) -> None:
        """Write one row of an (R, ...) table."""
        table[row] = content

    @staticmethod
    def read_rows(
        table: torch.Tensor, rows: list[RowIndex]
    ) -> tuple[torch.Tensor, torch.Tensor | int]:
        """Return (r, n, ...) rows of a table, and the flat index of the first cell of each.

        There is one row here, since a CPU searches row by row.
        """
        (row,) = rows
        return table[row : row + 1], row * table.shape[1]

    def _advance(self) -> None:
        self._count += 1

    def _capacity_for(self, count: int, capacity: int) -> int:
        """Say how much capacity to have for ``count`` objects or references."""
        return max(count, capacity)

    def _grow(self, added: int) -> None:
        """Append vacant rows."""
        for name in _TABLES:
            table = getattr(self, name)
            vacant = table.new_zeros((added, *table.shape[1:]))
            setattr(self, name, torch.cat([table, vacant]))

    def _stored_s4(self, s4: torch.Tensor) -> torch.Tensor:
        """Arrange (16 h w, d) s4 features as the table has them."""
        return s4

    def _write_masks(self, row: RowIndex, masks_s4: torch.Tensor) -> None:
        masks_s8 = self._downsample(masks_s4)
        self.write_row(self.masks_s4, row, masks_s4)
        self.write_row(self.masks_s8, row, masks_s8)
        self.write_row(self.has_object, row, self._has_object(masks_s8))

    def _downsample(self, masks_s4: torch.Tensor) -> torch.Tensor:
        """Average (16 h w, C) masks at stride 4 to stride 8, (4 h w, C) in quad order."""
        height, width = self.grid_hw
        quarters = to_quad_order(masks_s4, (4 * height, 4 * width)).view(4 * height * width, 4, -1)
        return to_quad_order(quarters.mean(1), (2 * height, 2 * width))

    @staticmethod
    def _has_object(masks_s8: torch.Tensor) -> torch.Tensor:
        """Tell which s16 cells have some of an object of (..., 4 h w, C) masks: (..., h w) bool."""
        objects = masks_s8[..., 1:].amax(-1)
        return (objects.view(*objects.shape[:-1], -1, 4) > _OBJECT_PROB).any(-1)

    def _searched_cells(self, masks_s8: torch.Tensor) -> torch.Tensor:
        """List the s16 cells near the objects of (4 h w, C) masks, and a few of the rest."""
        height, width = self.grid_hw
        objects = (masks_s8[:, 0] < 1).view(height, width, 4).any(-1).float()
        kept = dilated(objects[None], _REFERENCE_REACH)[0] > 0
        kept[::_SPARSE_STEP, ::_SPARSE_STEP] = True
        return kept.flatten().nonzero()[:, 0]


@dataclass(slots=True)
class StaticMemoryBank(MemoryBank):
    """A bank that a CUDA graph can read and write: rows are counted on the device.

    Capacity that is needed later comes in fours, so that the next object or reference does not
    move the tensors. ``s4`` has the features in and round each s8 cell side by side,
    (R, 4 h w, 16 d): a GPU copies few long rows faster than many short ones. ``key_mask``,
    (R, h w), is added to similarities with s16 cells: 0 for those that are searched. Vacant rows
    are all zeros, and masked.
    """

    key_mask: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    _added: torch.Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.int64))
    _ages: torch.Tensor = field(default_factory=lambda: torch.tensor(AGES))

    @classmethod
    def new(cls, features: FrameFeatures, channels: int) -> StaticMemoryBank:
        """Make an empty bank for frames like the one of ``features``, with 1 + N mask channels."""
        plain, s16 = MemoryBank.new(features, channels), features.s16
        tables = {one.name: getattr(plain, one.name) for one in fields(plain)}
        rows, cells, width = plain.s4.shape
        tables["s4"] = s16.new_zeros((rows, cells // 4, 16 * width))
        key_mask = s16.new_zeros((rows, len(s16)))
        key_mask[AGES[-1] :] = EXCLUDED
        added = s16.new_zeros(1, dtype=torch.int64)
        ages = torch.tensor(AGES, device=s16.device)
        return cls(**tables, key_mask=key_mask, _added=added, _ages=ages)

    @property
    def recent_rows(self) -> list[RowIndex]:
        """Rows of the recent frames that are searched, the newest first."""
        ages = self._ages[: self.recent_count]
        return list(torch.split((self._added - ages) % AGES[-1], 1))

    @property
    def reference_rows(self) -> list[RowIndex]:
        """Rows behind the ring, vacant ones too, each (1,) int64 on the device."""
        behind = torch.arange(AGES[-1], len(self.s16), device=self.s16.device)
        return list(torch.split(behind, 1))

    def make_reference(self) -> int:
        """Keep the newest frame, whose masks are given, until `forget`; returns its row."""
        row = MemoryBank.make_reference(self)
        self.key_mask[row, self.references[row]] = 0
        return row

    def forget(self, row: int) -> None:
        """Free the row of a reference frame."""
        MemoryBank.forget(self, row)
        self.key_mask[row] = EXCLUDED

    def gather_s4(self, places: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Return the s4 features in and round (B, k) s8 cells: (B, 16 k, d)."""
        rows = self.s4.flatten(0, 1).index_select(0, places.flatten())
        return rows.view(*keys.shape, -1)

    @staticmethod
    def read_row(table: torch.Tensor, row: RowIndex) -> torch.Tensor:
        """Return one row of an (R, ...) table, a copy."""
        assert isinstance(row, torch.Tensor)
        return table.index_select(0, row)[0]

    @staticmethod
    def write_row(table: torch.Tensor, row: RowIndex, content: torch.Tensor) -> None:
        """Write one row of an (R, ...) table."""
        assert isinstance(row, torch.Tensor)
        table.index_copy_(0, row, content[None].to(table.dtype))

    @staticmethod
    def read_rows(
        table: torch.Tensor, rows: list[RowIndex]
    ) -> tuple[torch.Tensor, torch.Tensor | int]:
        """Return (r, n, ...) rows of a table, and the flat index of each one's first cell."""
        numbers = torch.cat([row for row in rows if isinstance(row, torch.Tensor)])
        return table.index_select(0, numbers), numbers[:, None, None] * table.shape[1]

    def _advance(self) -> None:
        MemoryBank._advance(self)
        self._added += 1

    def _capacity_for(self, count: int, capacity: int) -> int:
        """Say how much capacity to have: what there is, or else a multiple of four."""
        return capacity if count <= capacity else -(-count // _SPARE) * _SPARE

    def _grow(self, added: int) -> None:
        """Append vacant rows."""
        MemoryBank._grow(self, added)
        vacant = self.key_mask.new_full((added, self.key_mask.shape[1]), EXCLUDED)
        self.key_mask = torch.cat([self.key_mask, vacant])

    def _stored_s4(self, s4: torch.Tensor) -> torch.Tensor:
        """Lay the (16 h w, d) s4 features in and round each s8 cell side by side."""
        columns = torch.arange(s4.shape[1], device=s4.device)
        return s4.flatten()[self.neighbourhoods[..., None] * s4.shape[1] + columns].flatten(1)


def keep_channels(masks: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Keep some object channels of (..., 1 + N) soft masks; the others become background."""
    objects = masks.index_select(-1, kept)
    background = masks.sum(-1, keepdim=True) - objects.sum(-1, keepdim=True)
    return torch.cat([background, objects], dim=-1)


def with_reference(
    mask_probs: torch.Tensor, given: torch.Tensor, channels: list[int]
) -> torch.Tensor:
    """Put the known (n, M) masks of some of N objects into the (n, N) soft masks of all.

    The others and the background, which is put first, share what is left: (n, 1 + N).
    """
    mask_probs = mask_probs * (1 - given.sum(-1, keepdim=True)).clamp_min(0)
    mask_probs[:, channels] = given
    background = (1 - mask_probs.sum(-1, keepdim=True)).clamp_min(0)
    return torch.cat([background, mask_probs], dim=-1)
