"""Distractors: pieces of a mask that are far from its object, or move on their own.

A look-alike that was never given is read as the object, and looks right. What tells it is what does
not depend on looks: an object does not become two far apart. Each mask is cut into connected pieces
at stride 8. The piece that most of the reference has moved into, from frame to frame, is the
object; others may be parts of it, seen on both sides of something in front.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .features import FrameFeatures, to_raster_order
from .local_matching import mean_motion, mutual_matches
from .memory_bank import MemoryBank
from .object_states import ObjectStates
from .strategy import Strategy

FARTHEST = 48  # s8 cells that a gap is measured up to
_FAR, _NEAR = 0.3, 0.1  # of an object's usual size, as the side of a square
_GROWN, _DOUBLED = 1.15, 1.3  # of its usual area, which it and a piece have together
_GROWTH, _SHRINKING = 1.01, 0.97  # of the usual area, from frame to frame
_SMALL, _LARGE = 0.25, 0.35  # of the object's piece; of its usual area
_FEW_CELLS = 4.0  # s8 cells of a piece whose motion is not asked for
_FROM_NOTHING = 0.2  # of a piece, near what was remembered of the object: it was not there before
_NEARBY = 2  # s8 cells
_OVERLAP = 0.8  # with the propagated reference, of the object's: a piece is of the object
_APART, _TOGETHER = 4.5, 0.7  # s8 cells that two pieces move differently in four frames
_KNOWN_MOTION = 0.3  # of a piece's cells, found again both ways
_REACH_S16 = 4  # cells that the object moves in a frame
_UNMATCHED = 0.1  # how much a cell that is not found again counts
_BLUR = 0.75  # s16 cells
_RENEWAL = 0.03  # of the propagated reference: what stays in the mask becomes part of the object


@dataclass(frozen=True, slots=True)
class Pieces:
    """The connected pieces of N masks; made by `cut`.

    ``labels`` (N, 2h, 2w) int64: 0 where nothing is, else a number for each piece below B, the same
    in all of its cells. ``areas`` (N, B) are in s8 cells, in quarters; ``main`` (N,) is the piece
    that is the object. ``gaps`` (N, B) are the shortest ways from there, in s8 cells, with what
    other objects cover left out.
    """

    labels: torch.Tensor
    areas: torch.Tensor
    main: torch.Tensor
    gaps: torch.Tensor

    def means(self, cells: torch.Tensor) -> torch.Tensor:
        """Average (N, 2h, 2w) values over the cells of each piece: (N, B)."""
        counts = _sums(self.labels, torch.ones_like(cells), self.areas.shape[1])
        return _sums(self.labels, cells, self.areas.shape[1]) / counts.clamp_min(1)

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """Give each cell the (N, B) value of its piece: (N, 2h, 2w)."""
        return values.gather(1, self.labels.flatten(1)).view(self.labels.shape)


def cut(coverage: torch.Tensor, weights: torch.Tensor, strategy: Strategy) -> Pieces:
    """Cut (N, 2h, 2w) masks, as coverage of their cells, into pieces.

    The object is the piece with the largest sum of ``weights``, (N, 2h, 2w), and area.
    """
    covered = coverage > 0
    labels = strategy.components(covered)
    bins = covered[0].numel() + 1
    areas = _sums(labels, coverage, bins)
    main = _sums(labels, coverage * (weights + 1e-3), bins).argmax(1)
    own = (labels == main[:, None, None]) & covered
    if not strategy.any((own != covered).flatten(1).any(1)):
        return Pieces(labels, areas, main, torch.zeros_like(areas))
    if len(covered) > 1:
        others = (covered.sum(0) - covered.int() > 0) & ~covered
        bridged = strategy.components(own | others)
        reached = (bridged * own).flatten(1).amax(1)
        own = (bridged == reached[:, None, None]) & (bridged > 0)
    distance = strategy.distances(own, FARTHEST).to(areas)
    gaps = torch.full_like(areas, FARTHEST + 1)
    gaps.scatter_reduce_(1, labels.flatten(1), distance.flatten(1), "amin")
    return Pieces(labels, areas, main, gaps)


def reference_gaps(coverage: torch.Tensor, strategy: Strategy) -> torch.Tensor:
    """Return how far apart the pieces of N reference masks are, (N,), in their sizes."""
    pieces = cut(coverage, torch.ones_like(coverage), strategy)
    gaps = pieces.gaps.masked_fill(pieces.areas < _FEW_CELLS, 0)
    gaps[:, 0].fill_(0)
    return gaps.amax(1) / coverage.sum((1, 2)).clamp_min(1).sqrt()


def distractors(
    logits: torch.Tensor,
    features: FrameFeatures,
    bank: MemoryBank,
    states: ObjectStates,
    strategy: Strategy,
) -> torch.Tensor:
    """Mark the cells of (N, 4h, 4w) masks that are not of their objects: bool of that shape.

    Call it once a frame, before it is remembered: it propagates the objects' references.
    """
    coverage = F.avg_pool2d((logits > 0).float(), 2)
    propagated = _propagated(coverage, features, bank, states, strategy)
    large = F.interpolate(propagated[:, None], scale_factor=2, mode="bilinear", align_corners=False)
    pieces = cut(coverage, large[:, 0], strategy)
    dropped = _dropped(pieces, large[:, 0], features, bank, states, strategy)
    kept = coverage * ~dropped
    half = F.avg_pool2d(kept, 2)
    renewed = propagated + _RENEWAL * (1 - propagated)
    states.propagated.copy_(torch.where(half >= 0.5, renewed, propagated * (half > 0)))
    area = kept.sum((1, 2))
    usual = torch.minimum(
        torch.maximum(area, states.usual_area * _SHRINKING), states.usual_area * _GROWTH
    )
    states.usual_area.copy_(torch.where(area > 0, usual, states.usual_area))
    return dropped.repeat_interleave(2, 1).repeat_interleave(2, 2)


def _dropped(
    pieces: Pieces,
    propagated: torch.Tensor,
    features: FrameFeatures,
    bank: MemoryBank,
    states: ObjectStates,
    strategy: Strategy,
) -> torch.Tensor:
    """Decide which pieces are not of the object, and mark their cells: (N, 2h, 2w) bool."""
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
    height, width = (2 * side for side in bank.grid_hw)
    before = to_raster_order(bank.newest_masks_s8[:, 1:], (height, width)).T
    before = before.reshape(-1, height, width)
    near = F.max_pool2d((before > 0.5).float(), 2 * _NEARBY + 1, stride=1, padding=_NEARBY)
    new = pieces.means(near) < _FROM_NOTHING
    far, grown = gaps > _FAR, together > _GROWN * usual
    from_nothing = is_piece & new & far & (grown | (pieces.areas < _SMALL * main_area))
    alike = overlap >= _OVERLAP * overlap.gather(1, own).clamp_min(1e-3)
    split = is_piece & ~(new & far) & (gaps > _NEAR) & grown & ~alike
    split &= pieces.areas >= _FEW_CELLS
    drop = from_nothing | (split & far)
    asked = (pieces.areas * split).max(1)  # the largest of an object is asked how it moves
    if strategy.any(asked.values > 0):
        alone, joined = _motions(pieces, asked.indices, features, bank)
        which = asked.indices[:, None]
        double = (asked.values >= _LARGE * usual[:, 0]) & (
            together.gather(1, which)[:, 0] > _DOUBLED * usual[:, 0]
        )
        is_far = far.gather(1, which)[:, 0]
        answer = torch.where(is_far, ~joined, alone & double)
        answer = torch.where(asked.values > 0, answer, drop.gather(1, which)[:, 0])
        drop.scatter_(1, which, answer[:, None])
    return pieces.spread(drop)


def _motions(
    pieces: Pieces, which: torch.Tensor, features: FrameFeatures, bank: MemoryBank
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tell which of N pieces moves apart from its object, and which together with it: (N,) bool."""
    old = bank.read_row(bank.s8, bank.recent_rows[min(2, len(bank.recent_rows) - 1)])
    hw = (2 * bank.grid_hw[0], 2 * bank.grid_hw[1])
    current = to_raster_order(features.s8, hw)
    former = to_raster_order(old, hw)
    alone, joined = [], []
    for labels, main, piece in zip(pieces.labels, pieces.main, which, strict=True):
        (ours, our_share), (theirs, their_share) = (
            mean_motion(current, former, labels == one, hw) for one in (main, piece)
        )
        difference = (ours - theirs).norm()
        known = (our_share > 0) & (their_share >= _KNOWN_MOTION)
        alone.append(known & (difference >= _APART))
        joined.append(known & (difference < _TOGETHER))
    return torch.stack(alone), torch.stack(joined)


def _propagated(
    coverage: torch.Tensor,
    features: FrameFeatures,
    bank: MemoryBank,
    states: ObjectStates,
    strategy: Strategy,
) -> torch.Tensor:
    """Propagate the objects' (N, h, w) references to this frame, with the cells found again."""
    inside = F.max_pool2d(coverage, 2) > 0  # (N, h, w)
    cells = strategy.select(inside.any(0).flatten())
    former = bank.read_row(bank.s16, bank.recent_rows[0])
    found, mutual = mutual_matches(
        features.s16, former, cells, bank.grid_hw, reach=_REACH_S16, prior=1e-3, tolerance=0
    )
    values, weights = torch.zeros_like(states.propagated), torch.zeros_like(states.propagated)
    values.flatten(1)[:, cells] = states.propagated.flatten(1)[:, found] * mutual
    weights.flatten(1)[:, cells] = _UNMATCHED + (1 - _UNMATCHED) * mutual
    steps = torch.arange(-2, 3, device=values.device)
    bell = torch.exp(-(steps**2) / (2 * _BLUR**2))
    kernel = (bell[:, None] * bell)[None, None]
    both = torch.stack([values * inside, weights * inside]).flatten(0, 1)[:, None]
    above, below = F.conv2d(both, kernel, padding=2)[:, 0].view(2, *values.shape)
    propagated: torch.Tensor = (above / below.clamp_min(1e-3)).clamp(0, 1) * inside
    return propagated


def _sums(labels: torch.Tensor, cells: torch.Tensor, bins: int) -> torch.Tensor:
    """Add (N, H, W) values up by their labels: (N, bins)."""
    sums = cells.new_zeros((len(labels), bins))
    return sums.scatter_add_(1, labels.flatten(1), cells.flatten(1))
