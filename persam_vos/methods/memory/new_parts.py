"""Parts of an object that its reference frame did not show, taken over from the decoder.

When an object turns, what comes into view is unlike anything remembered of it, and is read as
background. The decoder sees the whole thing. It offers what it has beyond the mask: regions beside
it of the candidates that offered nothing else than the object on the reference frame. They are
watched as long as they are offered, and adopted when they have moved with the object's border, and
not with the ground, in enough frames.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .border_motion import border_votes
from .correspondences import Correspondences
from .features import at_s4, dilated
from .object_states import DECIDED, ObjectStates
from .pieces import FEW_CELLS, spread, sums
from .strategy import Strategy

CANDIDATES = 4  # of SAM's decoder: the one for clear prompts, and those of three scales
_ELSE = 0.02  # of the object, which a candidate may offer beyond it on the reference frame
_LEAST = 0.01  # of the usual area: smaller regions are not asked
_THICK = 3  # s8 cells: what is thinner belongs to the mask's outline, which the memory draws


def trusted_candidates(candidates: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """Tell which of the decoder's (N, K, 4h, 4w) candidates offer nothing else than the objects.

    They were decoded with the (N, 4h, 4w) given masks of the reference frame as prompts; both are
    logits. (N, K) bool.
    """
    every = given[:, None].expand_as(candidates)
    found = _beyond(candidates.flatten(0, 1), every.flatten(0, 1)).sum((1, 2))
    area = F.avg_pool2d((given > 0).float(), 2).sum((1, 2))
    return found.view(candidates.shape[:2]) <= _ELSE * area[:, None]


def new_parts(
    offer: torch.Tensor,
    logits: torch.Tensor,
    moved: Correspondences,
    states: ObjectStates,
    strategy: Strategy,
) -> torch.Tensor:
    """Mark what joins the (N, 4h, 4w) masks of what the decoder offers: bool of that shape.

    ``offer`` and ``logits`` are the largest logits of the trusted candidates, and the masks. Call
    it once a frame, after `distractors`: it adds to the evidence.
    """
    inside = F.avg_pool2d((logits > 0).float(), 2) > 0
    regions = _beyond(offer, logits) & ~inside.any(0)
    states.offered.copy_(regions)
    nothing = torch.zeros_like(logits, dtype=torch.bool)
    if not strategy.any(regions.flatten(1).any(1)):
        return nothing
    labels = strategy.components(regions)
    bins = regions[0].numel() + 1
    areas = sums(labels, regions.float(), bins)
    near = dilated(inside.float(), 1)
    asked = areas >= (_LEAST * states.usual_area).clamp_min(FEW_CELLS)[:, None]
    asked &= sums(labels, near * regions, bins) > 0
    asked[:, 0].fill_(False)
    if not strategy.any(asked.any(1)):
        return nothing
    size = states.usual_area.clamp_min(1).sqrt()
    votes = border_votes(labels, inside, size, moved) * asked
    mean = states.add_evidence(votes, labels, areas)
    return at_s4(spread(asked & (mean >= DECIDED), labels)) & (offer > 0)


def watched_cells(states: ObjectStates) -> torch.Tensor:
    """Mark the s16 cells in and round what was offered last: (h w,) bool."""
    offered = F.max_pool2d(states.offered.any(0)[None].float(), 2)
    return dilated(offered, 1).flatten() > 0


def _beyond(offer: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Mark where one (N, 4h, 4w) mask goes beyond another by thick regions: (N, 2h, 2w) cells."""
    more = F.avg_pool2d(((offer > 0) & (logits <= 0)).float(), 2) >= 0.5
    margin = _THICK // 2
    padded = F.pad(more.float(), (margin,) * 4)  # nothing is thick beyond the picture's edge
    core = -F.max_pool2d(-padded, _THICK, stride=1)
    return (F.max_pool2d(core, _THICK, stride=1, padding=margin) > 0) & more
