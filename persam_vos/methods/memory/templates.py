"""Recognise objects: is what a mask covers more like the object than like anything beside it?

The last frames confirm whatever they were told; an older portrait ends a drift. Everything is a
batch of N objects, whose cells are listed at a fixed length: what of it is there is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from .features import FORBIDDEN

_ASKED = 256  # cells of a mask that are enough to recognise it by
_OWN = 1024  # cells of an object that are enough to know it by
_FRINGE = 0.1  # of a cell: less of an object is not the object
_THINNED = 4  # every so many cells beside the object are compared with


@dataclass(frozen=True, slots=True)
class Picked:
    """Some cells for each of N objects, (N, K, D), and which of them are there, (N, K) bool."""

    cells: torch.Tensor
    there: torch.Tensor


@dataclass(frozen=True, slots=True)
class Portraits:
    """Middle cells on each of N objects, and beside it, of a frame where it is known."""

    own: Picked
    others: Picked


def make_portraits(middle: torch.Tensor, shares: torch.Tensor) -> Portraits:
    """Make portraits of objects that have (N, n) ``shares`` of each of the (n, D) middle cells.

    An object that fills no cell is known by those that it has most of.
    """
    own = (shares >= shares.amax(1, keepdim=True).clamp_max(0.5)) & (shares > 0)
    others = middle[::_THINNED].expand(len(shares), -1, -1)
    beside = shares[:, ::_THINNED] < _FRINGE
    return Portraits(pick(middle, own, _OWN), Picked(others, beside))


def pick(middle: torch.Tensor, marks: torch.Tensor, most: int = _ASKED) -> Picked:
    """Pick at most ``most`` of the (n, D) cells that (N, n) bool ``marks``, from all over them.

    If there are more, every so many. The result has places for ``most``, whatever is marked.
    """
    rank = marks.cumsum(1) - 1
    step = (rank[:, -1:] // most).clamp_min(0) + 1
    kept = marks & (rank % step == 0)
    slots = torch.where(kept, rank // step, most)  # what is not kept goes to one behind the end
    cells = torch.arange(len(middle), device=middle.device).expand_as(slots)
    places = slots.new_zeros(len(marks), most + 1).scatter(1, slots, cells)[:, :most]
    there = marks.new_zeros(len(marks), most + 1).scatter(1, slots, kept)[:, :most]
    return Picked(middle.index_select(0, places.flatten()).view(*places.shape, -1), there)


def trimmed(picked: Picked) -> Picked:
    """Leave out the places behind the last cell of any object: to compute less, where one may."""
    most = int(picked.there.sum(1).amax()) if len(picked.there) else 0
    return Picked(picked.cells[:, :most], picked.there[:, :most])


def recognised(asked: Picked, portraits: Iterable[Portraits]) -> torch.Tensor:
    """Tell which share of each object's cells the best of its portraits takes for it: (N,).

    A cell is taken for it if the most similar cell of the portrait lies on it: a piece of
    background, or a look-alike that the portrait's frame shows too, finds itself there. In [0, 1],
    0 for no cells.
    """
    shares = [_share(asked, portrait) for portrait in portraits]
    return torch.stack(shares).amax(0)


def _share(asked: Picked, portrait: Portraits) -> torch.Tensor:
    taken = asked.there & (_nearest(asked, portrait.own) > _nearest(asked, portrait.others))
    return taken.sum(1) / asked.there.sum(1).clamp_min(1)


def _nearest(asked: Picked, others: Picked) -> torch.Tensor:
    """Find how similar the most similar of others is to each asked cell: (N, K)."""
    if not others.cells.shape[1]:
        return asked.cells.new_full(asked.there.shape, FORBIDDEN)
    nowhere = (FORBIDDEN * ~others.there[:, None]).to(others.cells.dtype)
    return torch.baddbmm(nowhere, asked.cells, others.cells.transpose(1, 2)).amax(-1)
