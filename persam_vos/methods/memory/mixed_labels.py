"""Labels that mix inside one thing: parts of an object in what hangs together as another object.

Twins that touch take cells of each other, and look alike. When they part again, each object is one
thing: of the components of all masks together, it is the one that most of its propagated reference
is in. What it has in the component of another, and has hardly come from it, is the other's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .correspondences import Correspondences
from .features import at_s4
from .object_states import ObjectStates
from .pieces import spread, sums
from .propagation import propagate_references, usual_level
from .readout import SURE
from .strategy import Strategy

_FOREIGN = 0.7  # of the usual value of the propagated reference: a part has less
_ONE_PIECE = 0.1  # of an object's size: an object in pieces further apart is not one thing


def unmixed(
    logits: torch.Tensor, moved: Correspondences, states: ObjectStates, strategy: Strategy
) -> torch.Tensor:
    """Give parts of N masks to the objects in whose components they are: (N, 4h, 4w) log-odds.

    They take over the log-odds that the other object had there. Nothing else changes.
    """
    if len(logits) < 2:
        return logits
    inside = F.avg_pool2d((logits > 0).float(), 2) > 0
    labels = strategy.components(inside.any(0)[None]).expand(inside.shape)
    bins = labels[0].numel() + 1
    areas = sums(labels, inside.float(), bins)
    areas[:, 0].fill_(0)
    if not strategy.any((areas > 0).sum(1) > 1):
        return logits
    propagated, _ = propagate_references(inside, moved, states)
    weights = sums(labels, propagated, bins)
    weights[:, 0].fill_(0)
    main = weights.argmax(1, keepdim=True)
    mains = torch.zeros_like(weights).scatter_(1, main, weights.gather(1, main))
    owner = mains.max(0)  # of each component
    level = usual_level(propagated)[:, None]
    foreign = (mains == 0) & (owner.values > 0) & (weights < _FOREIGN * level * areas)
    foreign &= (states.reference_gap < _ONE_PIECE)[:, None] & (areas > 0)
    if not strategy.any(foreign.any(1)):
        return logits
    taken = at_s4(spread(foreign, labels)) & (logits > 0)
    owners = at_s4(owner.indices[labels[:1]])
    gift = logits.masked_fill(~taken, -SURE).amax(0)
    objects = torch.arange(len(logits), device=logits.device)[:, None, None]
    gets = (owners == objects) & taken.any(0)
    return torch.where(gets, logits.maximum(gift), logits).masked_fill(taken, -SURE)
