"""The masks of reference frames, propagated from frame to frame with the cells found again."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .correspondences import Correspondences
from .features import dilated
from .memory_bank import FOUR_FRAMES, MemoryBank
from .object_states import ObjectStates

_FILLED_FROM, _FILL_REACH = 0.4, 2  # share of cells found again; s8 cells
_BLUR = 0.6  # s8 cells
_LEAST_LEVEL = 0.05  # usual value of a propagated reference: with less nothing has come so far


def propagate_references(
    inside: torch.Tensor, moved: Correspondences, states: ObjectStates
) -> tuple[torch.Tensor, torch.Tensor]:
    """Propagate the references, and the evidence, to the (N, 2h, 2w) cells of this frame's masks.

    Cells that are not found again have the lowest value near them, and 0 where nothing near them is
    found again: what comes into view beside an object is not known to be its.
    """
    propagated = _filled(states.propagated.flatten(1), moved, 0, inside)
    evidence = states.evidence.flatten(1).index_select(1, moved.found[0]) * moved.mutual[0]
    return propagated, evidence.view(inside.shape)


def propagate_slowly(
    inside: torch.Tensor, moved: Correspondences, bank: MemoryBank, propagated: torch.Tensor
) -> torch.Tensor:
    """The same over four frames at a time: (N, 2h, 2w), nowhere more than ``propagated``.

    What is uncovered by less than a cell a frame is found again in the object's border, and takes
    over its value. Over four frames it is not. Brought to the usual value of ``propagated``.
    """
    age = min(FOUR_FRAMES, len(moved.found) - 1)
    former = bank.read_row(bank.references_s8, bank.recent_rows[age]).float()
    slowly = _filled(former, moved, age, inside)
    level = usual_level(slowly)
    factor = usual_level(propagated) / level.clamp_min(_LEAST_LEVEL)
    known = (level > _LEAST_LEVEL)[:, None, None]
    return torch.where(known, propagated.minimum(slowly * factor[:, None, None]), propagated)


def usual_level(propagated: torch.Tensor) -> torch.Tensor:
    """Return the usual value of the (N, 2h, 2w) propagated reference in what it has come to."""
    return propagated.square().sum((1, 2)) / propagated.sum((1, 2)).clamp_min(1e-3)


def _filled(
    former: torch.Tensor, moved: Correspondences, age: int, inside: torch.Tensor
) -> torch.Tensor:
    """Move (N, n) values of an earlier frame to the (N, 2h, 2w) cells ``inside`` masks."""
    shape, mutual = inside.shape, moved.mutual[age]
    own = (former.index_select(1, moved.found[age]) * mutual).view(shape)
    known, within = mutual.view(shape[1:]).float(), inside.float()
    steps = torch.arange(-2, 3, device=own.device)
    bell = torch.exp(-(steps**2) / (2 * _BLUR**2))
    kernel = (bell[:, None] * bell)[None, None]
    three = torch.stack([own * within, known * within, within]).flatten(0, 1)[:, None]
    value, share, whole = F.conv2d(three, kernel, padding=2)[:, 0].view(3, *shape)
    matched = value / share.clamp_min(1e-3)
    lowest = -dilated(-(own + (1 - known)), _FILL_REACH)  # of cells that are found again
    lowest = lowest * dilated(known[None], _FILL_REACH)  # 0 where none is near
    weight = (share / whole.clamp_min(1e-3) / _FILLED_FROM).clamp(0, 1)
    filled: torch.Tensor = (weight * matched + (1 - weight) * lowest).clamp(0, 1) * within
    return filled
