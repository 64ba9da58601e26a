"""The connected pieces of a mask, and how far they are from the piece that is the object."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .strategy import Strategy

FARTHEST = 48  # s8 cells that a gap is measured up to
FEW_CELLS = 4.0  # s8 cells of a piece that counts


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
        counts = sums(self.labels, torch.ones_like(cells), self.areas.shape[1])
        return sums(self.labels, cells, self.areas.shape[1]) / counts.clamp_min(1)


def cut(coverage: torch.Tensor, weights: torch.Tensor, strategy: Strategy) -> Pieces:
    """Cut (N, 2h, 2w) masks, as coverage of their cells, into pieces.

    The object is the piece with the largest sum of ``weights``, (N, 2h, 2w), and area.
    """
    covered = coverage > 0
    labels = strategy.components(covered)
    bins = covered[0].numel() + 1
    areas = sums(labels, coverage, bins)
    main = sums(labels, coverage * (weights + 1e-3), bins).argmax(1)
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
    gaps = pieces.gaps.masked_fill(pieces.areas < FEW_CELLS, 0)
    gaps[:, 0].fill_(0)
    return gaps.amax(1) / coverage.sum((1, 2)).clamp_min(1).sqrt()


def spread(values: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Give each cell the (N, B) value of its label: (N, H, W)."""
    return values.gather(1, labels.flatten(1)).view(labels.shape)


def sums(labels: torch.Tensor, cells: torch.Tensor, bins: int) -> torch.Tensor:
    """Add (N, H, W) values up by their labels: (N, bins)."""
    none = cells.new_zeros((len(labels), bins))
    return none.scatter_add_(1, labels.flatten(1), cells.flatten(1))
