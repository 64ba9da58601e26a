"""Recognise objects: is what a mask covers more like the object than like anything beside it?

The last frames confirm whatever they were told; an older portrait ends a drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

_ASKED = 256  # cells of a mask that are enough to recognise it by
_FRINGE = 0.1  # of a cell: less of an object is not the object
_THINNED = 4  # every so many cells beside the object are compared with


@dataclass(frozen=True, slots=True)
class Portrait:
    """Middle cells on an object, (A, D), and beside it, (B, D), of a frame where it is known."""

    own: torch.Tensor
    others: torch.Tensor


def make_portrait(middle: torch.Tensor, share: torch.Tensor) -> Portrait:
    """Make a portrait of an object that has a (n,) ``share`` of each of the (n, D) middle cells.

    An object that fills no cell is known by those that it has most of.
    """
    own = share >= min(0.5, float(share.max()))
    own &= share > 0
    others = middle[::_THINNED][share[::_THINNED] < _FRINGE]
    return Portrait(middle[own], others)


def recognised(asked: torch.Tensor, portraits: tuple[Portrait, ...]) -> float:
    """Tell which share of some (n, D) cells the best of some portraits takes for its object.

    A cell is taken for it if the most similar cell of the portrait lies on it: a piece of
    background, or a look-alike that the portrait's frame shows too, finds itself there. Returns a
    share in [0, 1], 0 for no cells.
    """
    asked = asked[:: -(-len(asked) // _ASKED) or 1]
    return max((_share(asked, portrait) for portrait in portraits), default=0.0)


def _share(asked: torch.Tensor, portrait: Portrait) -> float:
    if not len(asked) or not len(portrait.own):
        return 0.0
    if not len(portrait.others):
        return 1.0
    own = (asked @ portrait.own.T).amax(1)
    others = (asked @ portrait.others.T).amax(1)
    return float((own > others).float().mean())
