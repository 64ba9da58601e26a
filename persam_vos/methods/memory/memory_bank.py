"""Remember frames: their cells and soft masks, in tables whose size does not depend on the clip.

The last frames lie in a ring; frames with true masks lie behind it for as long as an object needs
them. All objects and the background are channels of one mask tensor.

Where shapes are ``fixed``, a step can be recorded and repeated by a GPU: which rows of the ring are
meant is then counted on the device, and who needs room later gets some to spare, so that the next
one does not move the tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from .features import FORBIDDEN, Cells, by_quads, fine_cells_of

_AGES = (1, 2, 4, 8, 16)  # frames back that are searched: the older, the less they have drifted
_NEAR = 4  # coarse cells round a reference's objects that are all searched
_TABLES = ("coarse", "middle", "fine", "masks", "shares", "shown", "true")
_SHOWN_SHARE = 0.02  # of a middle cell; recall never says less than 0.01
_SPARE = 4  # objects, or true masks, that room is made for at once, after the first
Row = int | torch.Tensor
"""A row of the memory's tables: a number, or (1,) int64 on the device."""

_FAR = 8  # of the rest every eighth is, each way: elsewhere is where most false matches are


@dataclass(slots=True)
class Memory:
    """Tables with a row for each remembered frame, (R, ...); see `Cells` for what is in a row.

    Where shapes are fixed, ``fine`` has the fine cells in and round each middle cell side by side,
    (R, 4 h w, 16 d): a GPU copies few long rows sooner than many short ones.

    ``masks`` is (R, 16 h w, 1 + N) soft masks on the fine grid, row by row; channel 0 is the
    background, and the channels of a cell sum to 1. ``shares`` is the same on the middle grid, by
    quads, and ``shown``, (R, h w) bool, tells which coarse cells have some of an object. ``true``,
    (R,) float, is 1 for rows with true masks; ``closed``, (R, h w), what is added to similarities
    with coarse cells: 0 for those that are searched. What is vacant is all zeros, and closed.
    """

    grid_hw: tuple[int, int]
    coarse: torch.Tensor
    middle: torch.Tensor
    fine: torch.Tensor
    masks: torch.Tensor
    shares: torch.Tensor
    shown: torch.Tensor
    true: torch.Tensor
    closed: torch.Tensor
    rings: torch.Tensor
    """(4 h w, 16) int64: the fine cells in and round each middle cell."""
    insides: torch.Tensor
    """(4 h w, 4) int64: those in it."""
    fixed: bool = False
    """Whether no shape may depend on what is seen, and no row be known to the host."""
    references: dict[int, torch.Tensor] = field(default_factory=dict)
    """Rows with true masks, and which of their coarse cells are searched, (K,) int64."""
    _count: int = 0  # frames added so far, as far as the host knows
    _added: torch.Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.int64))
    _ages: torch.Tensor = field(default_factory=lambda: torch.tensor(_AGES))

    @property
    def room(self) -> int:
        """How many objects there are channels for."""
        return self.masks.shape[-1] - 1

    @property
    def kept(self) -> list[Row]:
        """Rows behind the ring, vacant ones too, as the device knows them; see ``references``."""
        behind = torch.arange(_AGES[-1], len(self.coarse), device=self.coarse.device)
        return list(torch.split(behind, 1))

    @property
    def settled(self) -> bool:
        """Whether as many frames are remembered as ever will be."""
        return self._count >= _AGES[-1]

    @property
    def recent(self) -> list[Row]:
        """Rows of the recent frames that are searched, the newest first."""
        known = sum(age <= self._count for age in _AGES)
        if self.fixed:
            return list(torch.split((self._added - self._ages[:known]) % _AGES[-1], 1))
        return [(self._count - age) % _AGES[-1] for age in _AGES[:known]]

    @property
    def newest_masks(self) -> torch.Tensor:
        """Masks of the frame that was added last, (16 h w, 1 + N) float32."""
        return at(self.masks, self.recent[0]).float()

    @property
    def newest_shares(self) -> torch.Tensor:
        """The same on the middle grid, (4 h w, 1 + N) by quads."""
        return at(self.shares, self.recent[0]).float()

    def pictures(self, row: int, channels: list[int]) -> torch.Tensor:
        """Return some remembered masks as pictures of their fine cells' shares, (N, 4h, 4w)."""
        height, width = self.grid_hw
        return self.masks[row][:, channels].T.reshape(-1, 4 * height, 4 * width).float()

    def add(self, cells: Cells, masks: torch.Tensor) -> None:
        """Remember a frame by its (16 h w, 1 + N) masks; the oldest one is forgotten."""
        self._count += 1
        self._added += 1
        row = self.recent[0]
        put(self.coarse, row, cells.coarse)
        put(self.middle, row, cells.middle)
        put(self.fine, row, self._fine_rows(cells.fine))
        self._write_masks(row, masks)

    def correct(self, masks: torch.Tensor) -> None:
        """Give the newest frame other masks."""
        self._write_masks(self.recent[0], masks)

    def make_reference(self) -> int:
        """Keep the newest frame, whose masks are true, until `forget`; returns its row."""
        rows = len(self.coarse)
        row = next((r for r in range(_AGES[-1], rows) if r not in self.references), rows)
        if row == rows:
            behind = rows - _AGES[-1]
            self._grow(self._room_for(behind + 1, behind) - behind)
        newest = self.recent[0]
        for name in _TABLES:
            table = getattr(self, name)
            table[row] = at(table, newest)
        self.true[row] = 1
        self.references[row] = self._searched(self.shares[row])
        self.closed[row, self.references[row]] = 0
        return row

    def forget(self, row: int) -> None:
        """Give the row of a reference back."""
        del self.references[row]
        for name in _TABLES:
            getattr(self, name)[row] = 0
        self.closed[row] = FORBIDDEN

    def make_room(self, objects: int) -> None:
        """Have channels for so many objects or more; new ones are nowhere in what is remembered."""
        added = self._room_for(objects, self.room) - self.room
        if added:
            self.masks, self.shares = (F.pad(t, (0, added)) for t in (self.masks, self.shares))

    def _room_for(self, count: int, room: int) -> int:
        """Say how much room to have for ``count`` objects or true masks, if there is ``room``."""
        if count <= room or not self.fixed:
            return max(count, room)
        return -(-count // _SPARE) * _SPARE

    def _grow(self, added: int) -> None:
        """Append vacant rows."""
        for name in _TABLES:
            table = getattr(self, name)
            vacant = table.new_zeros((added, *table.shape[1:]))
            setattr(self, name, torch.cat([table, vacant]))
        closed = self.closed.new_full((added, self.closed.shape[1]), FORBIDDEN)
        self.closed = torch.cat([self.closed, closed])

    def fine_round(self, places: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Return the fine cells in and round (B, k) middle cells: (B, 16 k, d).

        ``places`` are these in tables laid end to end, ``keys`` (B, 16 k) the fine cells'.
        """
        if self.fixed:
            rows = self.fine.flatten(0, 1).index_select(0, places.flatten())
            return rows.view(*keys.shape, -1)
        return self.fine.flatten(0, 1).index_select(0, keys.flatten()).view(*keys.shape, -1)

    def _fine_rows(self, fine: torch.Tensor) -> torch.Tensor:
        """Put (16 h w, d) fine cells as the table has them."""
        if not self.fixed:
            return fine
        columns = torch.arange(fine.shape[1], device=fine.device)
        return fine.flatten()[self.rings[..., None] * fine.shape[1] + columns].flatten(1)

    def _write_masks(self, row: Row, masks: torch.Tensor) -> None:
        shares = self._to_middle(masks)
        objects = shares[:, 1:].amax(-1).view(-1, 4)
        put(self.masks, row, masks)
        put(self.shares, row, shares)
        put(self.shown, row, (objects > _SHOWN_SHARE).any(-1))

    def _to_middle(self, masks: torch.Tensor) -> torch.Tensor:
        """Average (16 h w, C) fine masks over middle cells, (4 h w, C) by quads."""
        height, width = self.grid_hw
        quads = by_quads(masks, (4 * height, 4 * width)).view(4 * height * width, 4, -1).mean(1)
        return by_quads(quads, (2 * height, 2 * width))

    def _searched(self, shares: torch.Tensor) -> torch.Tensor:
        """List the coarse cells near the objects of (4 h w, C) masks, and a few of the rest."""
        height, width = self.grid_hw
        objects = (shares[:, 0] < 1).view(height, width, 4).any(-1).float()
        kept = F.max_pool2d(objects[None], 2 * _NEAR + 1, stride=1, padding=_NEAR)[0] > 0
        kept[::_FAR, ::_FAR] = True
        return kept.flatten().nonzero()[:, 0]


def at(table: torch.Tensor, row: Row) -> torch.Tensor:
    """Return one row of an (R, ...) table: a view, or a copy where the host does not know it."""
    return table[row] if isinstance(row, int) else table.index_select(0, row)[0]


def put(table: torch.Tensor, row: Row, content: torch.Tensor) -> None:
    """Write one row of an (R, ...) table."""
    if isinstance(row, int):
        table[row] = content
    else:
        table.index_copy_(0, row, content[None].to(table.dtype))


def with_truth(shares: torch.Tensor, given: torch.Tensor, channels: list[int]) -> torch.Tensor:
    """Put the true (n, M) shares of some of N objects into the (n, N) shares of all.

    The others and the background, which is put first, share what is left: (n, 1 + N).
    """
    shares = shares * (1 - given.sum(-1, keepdim=True)).clamp_min(0)
    shares[:, channels] = given
    background = (1 - shares.sum(-1, keepdim=True)).clamp_min(0)
    return torch.cat([background, shares], dim=-1)


def new_memory(cells: Cells, channels: int, *, fixed: bool = False) -> Memory:
    """Make room for frames like the one of ``cells``, with 1 + N mask channels; none is in it."""
    count, width = len(cells.coarse), cells.fine.shape[1]
    new = cells.coarse.new_zeros

    def table(size: int, width: int) -> torch.Tensor:
        return new((_AGES[-1] + 1, size, width))

    closed = new((_AGES[-1] + 1, count))
    closed[_AGES[-1] :] = FORBIDDEN
    return Memory(
        cells.grid_hw,
        coarse=table(count, cells.coarse.shape[1]),
        middle=table(4 * count, cells.middle.shape[1]),
        fine=table(4 * count, 16 * width) if fixed else table(16 * count, width),
        masks=table(16 * count, channels),
        shares=table(4 * count, channels),
        shown=new((_AGES[-1] + 1, count), dtype=torch.bool),
        true=new(_AGES[-1] + 1),
        closed=closed,
        rings=fine_cells_of(cells.grid_hw, cells.coarse.device, reach=1),
        insides=fine_cells_of(cells.grid_hw, cells.coarse.device, reach=0),
        fixed=fixed,
        _added=new(1, dtype=torch.int64),
        _ages=torch.tensor(_AGES, device=cells.coarse.device),
    )
