"""Look-alikes among the objects that were given: which of them a cell shows, location decides.

Equal twins are by nature not told apart by looks: of a cell that resembles them, every remembered
frame has as many matches as there are twins. What a cell shows of an object that was far away when
it was last seen is therefore given to its look-alikes that were near, unless looks decide. The cell
has as much of objects as before, and between objects that are both near, or both far, nothing
changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .features import to_quad_order
from .memory_bank import MemoryBank
from .strategy import Strategy
from .templates import TWINS

_SAME_PLACE = 1  # s8 cells from where an object was: as near as in it
_REACH = 2.0  # s8 cells: the scale on which an object becomes unlikely beyond those
_MOST = 8  # s8 cells: what is further away is not near at all
_HALF, _SURE = 0.5, 0.8  # of what a cell has of look-alikes: one with less, or more, than the rest
_SHOWN = 0.1  # of an s8 cell in which an object shows
_LEAST = 1e-6  # of all of them, in a cell
_FEWEST = 4  # cells that the standard deviation of a fraction is that of, at least


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near objects are to the s8 cells of a frame, and what look-alikes take over of them.

    ``near`` (4 h w, N), in quad order, is 1 where an object was last seen, and falls with the
    distance. ``left`` (4 h w, N) is the share of an object's probability that none of its
    look-alikes takes over, ``moved`` (4 h w, N) that share of it for each unit of how near one of
    them is. ``alike`` is (N, N), 0 of an object and itself.
    """

    near: torch.Tensor
    left: torch.Tensor
    moved: torch.Tensor
    alike: torch.Tensor

    def assign(self, probs: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Give (B, m, N) probabilities in (B,) s8 cells to the look-alikes that are near."""
        near, left, moved = (
            table.index_select(0, cells)[:, None] for table in (self.near, self.left, self.moved)
        )
        together = probs + probs @ (self.alike > 0).to(probs.dtype)
        sure = (probs / together.clamp_min(_LEAST) - _HALF) / (_SURE - _HALF)
        unsure = probs * (1 - sure.clamp(0, 1))
        return probs - unsure * (1 - left) + near * ((unsure * moved) @ self.alike)


def nearness(places: torch.Tensor, alike: torch.Tensor, strategy: Strategy) -> Nearness:
    """Measure how near objects are to the cells of a frame, by the (N, 2h, 2w) ``places``."""
    distance = strategy.distances(places, _MOST)
    beyond = (distance - _SAME_PLACE).clamp_min(0) / _REACH
    grids = (beyond.square() / -2).exp() * (distance <= _MOST)
    near = to_quad_order(grids.flatten(1).T, (grids.shape[1], grids.shape[2]))
    others = near @ alike
    moved = (1 - near) / others.clamp_min(1)
    return Nearness(near, 1 - moved * others, moved, alike)


def note_places(places: torch.Tensor, grids: torch.Tensor) -> None:
    """Note where objects are that show in (N, 2h, 2w) masks, in the ``places`` of that shape.

    Others stay where they were seen last.
    """
    highest = grids.amax((1, 2), keepdim=True)
    shown = grids >= highest.clamp(_SHOWN, 0.5)  # thin ones fill no cell
    places.copy_(torch.where(highest >= _SHOWN, shown, places))


def nearness_now(
    bank: MemoryBank, places: torch.Tensor, alike: torch.Tensor, strategy: Strategy
) -> Nearness | None:
    """Note where objects are in the newest frame, and how near that is; None if none is alike."""
    if len(alike) < 2:
        return None
    note_places(places, bank.newest_grids_s8)
    if not strategy.any(alike.flatten() > 0):
        return None
    return nearness(places, alike, strategy)


def leniency(covered: torch.Tensor, alike: torch.Tensor) -> torch.Tensor:
    """Return what recognised fractions of (N, n) ``covered`` cells are raised by: (N,).

    A standard deviation, of objects that have look-alikes: these are small, or many, and what is
    wrongly taken for gone is hardly found again among its twins.
    """
    deviation = 0.5 / covered.sum(1).clamp_min(_FEWEST).sqrt()
    return deviation * (alike >= TWINS).any(1)
