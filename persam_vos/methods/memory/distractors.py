"""Distractors: parts of a mask that have not come from the object, and do not move as it does.

A look-alike that was never given is read as the object, and looks right. What tells it is what does
not depend on looks: an object does not become two far apart, and its parts move with it. The mask
of the reference frame is propagated from frame to frame, cell by cell, where cells are found again
one-to-one. A region of a later mask that it has not come to may be a part that was never shown, or
something else that is uncovered, or passes by: over up to 16 frames it moves with the object, or
apart from it, and that is added up until it is decided. What is decided against is taken out of the
memory of the last frames, too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .correspondences import Correspondences
from .features import at_s4, dilated
from .memory_bank import MemoryBank
from .object_states import DECIDED, ObjectStates
from .pieces import FEW_CELLS, Pieces, cut, spread, sums
from .propagation import propagate_references, propagate_slowly, usual_level
from .region_motion import RegionMotions, area_growth, region_motions
from .strategy import Strategy

_LOW = 0.55  # of the usual value of the propagated reference: it has not come to a cell with less
_COME = 0.3  # of the propagated reference: the scale is measured where it has come to
_LEAST_LEVEL = 0.4  # which that value has to have, to tell anything,
_LEAST_MATCHED = 0.7  # and this share of the mask's cells has to be found again
_LEAST_REGION, _LEAST_CELLS = 0.05, 8.0  # of the usual area, and s8 cells, of a region
_GROWN = 1.08  # of the usual area: what is less than that loses no region
_AS_OBJECT = 0.2  # of the ages: cells that moved as the object, in a region that moved apart
_REMAINS = 0.8  # of the object's propagated reference: remains of a dropped region have less

_FAR, _NEAR = 0.3, 0.1  # of an object's usual size, as the side of a square
_DOUBLED = 1.3  # of its usual area, which it and a piece have together
_SMALL, _LARGE = 0.25, 0.35  # of the object's piece; of its usual area
_GROWN_WITH = 1.15  # of the usual area, which it and a piece have together: too much
_FROM_NOTHING = 0.2  # of a piece, near what was remembered of the object: it was not there before
_NEARBY = 2  # s8 cells
_RIM = 1  # s8 cells round dropped regions that go with them, where the reference has not come to
_HANGS = 0.1  # of a region, near what was decided against before: it is more of the same,
_AGAIN = 0.7  # and goes by so much evidence
_GONE, _LEFT = 0.5, 0.6  # of the usual area, in view; of a piece, near it: it is left of that
_OVERLAP = 0.8  # with the propagated reference, of the object's: a piece is of the object

_RENEWAL, _JOINING = 0.015, 0.3  # of the propagated reference, in the mask, and where regions join
_RECOVERY = 0.1  # where it tells nothing any more
_GROWTH, _SHRINKING = 1.01, 0.99  # of the usual area from frame to frame, at most, beyond scale


def distractors(
    logits: torch.Tensor,
    moved: Correspondences,
    bank: MemoryBank,
    states: ObjectStates,
    strategy: Strategy,
) -> torch.Tensor:
    """Mark the cells of (N, 4h, 4w) masks that are not of their objects: bool of that shape.

    Call it once a frame, before it is remembered: it propagates the objects' references.
    """
    coverage = F.avg_pool2d((logits > 0).float(), 2)
    propagated, evidence = propagate_references(coverage > 0, moved, states)
    slowly = propagate_slowly(coverage > 0, moved, bank, propagated)
    strays = _strays(coverage, propagated, evidence, moved, bank, states, strategy)
    kept = coverage * ~strays
    growth = area_growth((kept > 0.5) & (propagated > _COME), moved)
    states.evidence.copy_(evidence)
    dropped, rim, joined, low = _decided(kept, propagated, slowly, moved, states, strategy)
    if strategy.any(dropped.flatten(1).any(1)):
        _retract(dropped, moved, bank)
    dropped = dropped | rim | strays
    kept = coverage * ~dropped
    _renew(kept, propagated, slowly, joined, states)
    _update_area(kept, joined, low, growth, states)
    return at_s4(dropped)


def _decided(
    kept: torch.Tensor,
    propagated: torch.Tensor,
    slowly: torch.Tensor,
    moved: Correspondences,
    states: ObjectStates,
    strategy: Strategy,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Decide on regions to which the reference has not come, and add to the evidence for them.

    Returns (N, 2h, 2w) bool: what is dropped, its rim, which stays in earlier frames,
    what joins the object, and all regions' cells.
    """
    inside = kept > 0
    level = usual_level(propagated * inside)
    found_again = (inside.flatten(1) & moved.mutual[0]).sum(1)
    matched = found_again / inside.flatten(1).sum(1).clamp_min(1)
    usable = (level >= _LEAST_LEVEL) & (matched >= _LEAST_MATCHED)
    least = torch.where(usable, _LOW * level, torch.zeros_like(level))[:, None, None]
    faint = inside & (slowly < least)
    low = _solid(inside & (propagated < least))
    slow = _solid(faint & ~low)
    labels = strategy.components(low) + strategy.components(slow)  # regions of their own
    low |= slow
    bins = low[0].numel() + 1
    areas = sums(labels, low.float(), bins)
    asked = areas >= (_LEAST_REGION * states.usual_area).clamp_min(_LEAST_CELLS)[:, None]
    asked[:, 0].fill_(False)
    if not strategy.any(asked.any(1)):
        nothing = torch.zeros_like(low)
        return nothing, nothing, nothing, low
    size = states.usual_area.clamp_min(1).sqrt()
    motions = region_motions(labels, areas, inside & ~low, inside, size, moved)
    votes = (motions.together.float() - motions.apart.float()) * asked
    mean = states.add_evidence(votes, labels, areas)
    grown = kept.sum((1, 2)) > _GROWN * states.usual_area
    beside = dilated(_gone(states.evidence, inside), _NEARBY)
    more = sums(labels, beside * low, bins) >= _HANGS * areas
    drop = asked & ((mean <= -DECIDED) | (more & (mean <= -_AGAIN))) & grown[:, None]
    dropped = spread(drop, labels) & (motions.as_object <= _AS_OBJECT)
    rim = (dilated(dropped.float(), _RIM) > 0) & faint
    joined = spread(asked & (mean >= DECIDED), labels)
    if strategy.any(drop.any(1)):
        dropped |= _remains(dropped, inside & ~dropped, propagated, strategy)
    return dropped, rim, joined, low


def _gone(evidence: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Mark the (N, 2h, 2w) cells that were decided against, and are in no mask: 0 or 1."""
    return ((evidence <= -DECIDED) & ~inside).float()


def _solid(cells: torch.Tensor) -> torch.Tensor:
    """Leave out those of (N, 2h, 2w) cells that have most neighbours outside."""
    return cells & (F.avg_pool2d(cells.float(), 3, 1, 1, count_include_pad=False) > 0.5)


def _remains(
    dropped: torch.Tensor, rest: torch.Tensor, propagated: torch.Tensor, strategy: Strategy
) -> torch.Tensor:
    """Mark what of the ``rest`` lies beside dropped regions, and hangs on the object no more."""
    labels = strategy.components(rest)
    bins = rest[0].numel() + 1
    values = sums(labels, propagated * rest, bins)
    main = values.argmax(1, keepdim=True)
    level = values / sums(labels, rest.float(), bins).clamp_min(1)
    beside = dilated(dropped.float(), _NEARBY)
    gone = (sums(labels, beside * rest, bins) > 0) & (level < _REMAINS * level.gather(1, main))
    gone.scatter_(1, main, value=False)
    gone[:, 0].fill_(False)
    return spread(gone, labels)


def _strays(
    coverage: torch.Tensor,
    propagated: torch.Tensor,
    evidence: torch.Tensor,
    moved: Correspondences,
    bank: MemoryBank,
    states: ObjectStates,
    strategy: Strategy,
) -> torch.Tensor:
    """Mark pieces far from the object that were not there, or moved away: (N, 2h, 2w) bool.

    And those that are left of what was decided against.
    """
    pieces = cut(coverage, propagated, strategy)
    own = pieces.main[:, None]
    is_piece = pieces.areas > 0
    is_piece[:, 0].fill_(False)
    is_piece.scatter_(1, own, value=False)
    if not strategy.any(is_piece.any(1)):
        return pieces.labels < 0
    usual = states.usual_area[:, None].clamp_min(1)
    main_area = pieces.areas.gather(1, own)
    together = pieces.areas + main_area
    gaps = pieces.gaps / torch.maximum(usual, together).sqrt() - states.reference_gap[:, None]
    overlap = pieces.means(propagated)
    new = pieces.means(dilated((bank.newest_grids_s8 > 0.5).float(), _NEARBY)) < _FROM_NOTHING
    far, grown = gaps > _FAR, together > _GROWN_WITH * usual
    from_nothing = is_piece & new & far & (grown | (pieces.areas < _SMALL * main_area))
    alike = overlap >= _OVERLAP * overlap.gather(1, own).clamp_min(1e-3)
    split = is_piece & ~(new & far) & (gaps > _NEAR) & grown & ~alike
    split &= pieces.areas >= FEW_CELLS
    if strategy.any(split.any(1)):
        motions = _motions_of(pieces, coverage, usual, moved)
        double = (pieces.areas >= _LARGE * usual) & (together > _DOUBLED * usual)
        split &= torch.where(far, ~motions.alike, motions.apart & double)
    gone = _gone(evidence, coverage > 0)
    left = is_piece & ~alike & (pieces.areas < _SMALL * main_area)
    left &= (gone.sum((1, 2))[:, None] >= _GONE * usual) & (
        pieces.means(dilated(gone, _NEARBY)) >= _LEFT
    )
    return spread(from_nothing | split | left, pieces.labels)


def _motions_of(
    pieces: Pieces, coverage: torch.Tensor, usual: torch.Tensor, moved: Correspondences
) -> RegionMotions:
    inside = coverage > 0
    sure = inside & (pieces.labels == pieces.main[:, None, None])
    return region_motions(pieces.labels, pieces.areas, sure, inside, usual[:, 0].sqrt(), moved)


def _renew(
    kept: torch.Tensor,
    propagated: torch.Tensor,
    slowly: torch.Tensor,
    joined: torch.Tensor,
    states: ObjectStates,
) -> None:
    """Renew both propagated references, (N, 2h, 2w), in what is ``kept`` of the masks."""
    rate = _RENEWAL + (_JOINING - _RENEWAL) * joined
    fading = (usual_level(propagated) < _LEAST_LEVEL)[:, None, None]
    for own, values, share in (
        (states.propagated, propagated, rate.masked_fill(fading, _RECOVERY)),
        (states.propagated_slowly, slowly, rate),
    ):
        renewed = values + share * (1 - values)
        own.copy_(torch.where(kept >= 0.5, renewed, values * (kept > 0)))


def _update_area(
    kept: torch.Tensor,
    joined: torch.Tensor,
    low: torch.Tensor,
    growth: torch.Tensor,
    states: ObjectStates,
) -> None:
    """Let the usual areas follow what is ``kept`` of the masks, as far as it is known.

    They do not shrink while objects touch, since one may hide another.
    """
    usual, known = states.usual_area, (kept * (~low | joined)).sum((1, 2))
    most = usual * growth.clamp_min(1) * _GROWTH + _JOINING * (kept * (joined & low)).sum((1, 2))
    whole, shrunk = kept.sum((1, 2)), usual * growth.clamp_max(1)
    beside = dilated(kept.sum(0, keepdim=True) - kept, 1)
    shrinking = 1 - (1 - _SHRINKING) * (beside * kept <= 0).all(-1).all(-1)
    area = shrunk.maximum(known.minimum(most)).minimum(whole.maximum(shrunk * shrinking))
    usual.copy_(torch.where(whole > 0, area, usual))


def _retract(dropped: torch.Tensor, moved: Correspondences, bank: MemoryBank) -> None:
    """Take what is dropped, (N, 2h, 2w) bool, out of the memory of the recent frames."""
    flat = dropped.flatten(1)
    for row, found, mutual in zip(bank.recent_rows, moved.found, moved.mutual, strict=True):
        wrong = torch.zeros_like(flat, dtype=torch.float32)
        wrong.scatter_reduce_(1, found.expand_as(flat), (flat & mutual).float(), "amax")
        grown = dilated(wrong.view(dropped.shape), 1)
        bank.retract(row, -dilated(-grown, 1) > 0)  # gaps are closed
