"""How regions beside a mask have moved: with the border of the object, or with the ground.

What is of the object moves as the object's cells next to it do, even where the object turns, so
that no one motion fits all of it. What it uncovers, and what passes by, does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .candidate_search import cell_positions
from .correspondences import Correspondences
from .features import dilated
from .pieces import sums
from .region_motion import (
    APART,
    APART_SIZE,
    CLOSE,
    GROUND_CELLS,
    ground_beside,
    median_step,
)

_BAND = 3  # s8 cells each side of the border that are compared
_NOISE = 0.3  # of a mean motion, in s8 cells
_NEARER = 0.7  # times as far from the one motion as from the other: it is the one
_KNOWN_CELLS, _COHERENT = 4, 0.5  # which a band has to have: found again, and moving alike


def border_votes(
    labels: torch.Tensor, inside: torch.Tensor, size: torch.Tensor, moved: Correspondences
) -> torch.Tensor:
    """Tell how regions beside N masks have moved: 1 as the object, -1 otherwise, 0 not known.

    ``labels`` (N, H, W) int64 number the regions, below H W + 1, 0 where none is; ``inside``
    (N, H, W) bool are the masks, ``size`` (N,) the side of a square of an object's usual area.
    Returns (N, H W + 1) for the labels. Most of the ages of the memory decide. Where the object
    does not move against the ground, nothing is known.
    """
    beside = dilated(inside.float(), _BAND) > 0
    nearest = dilated(labels.float(), _BAND).long()
    bands = (labels * beside).flatten(1), (nearest * inside).flatten(1)
    ground = ground_beside(inside) & (labels == 0).flatten(1)
    here = cell_positions(torch.arange(ground.shape[1], device=labels.device), labels.shape[2])
    votes = torch.zeros((len(labels), ground.shape[1] + 1), device=labels.device)
    for found, mutual, threshold in zip(moved.found, moved.mutual, APART, strict=False):
        steps = cell_positions(found, labels.shape[2]) - here
        there, own = (_Band.of(band, steps, mutual, votes.shape[1]) for band in bands)
        still = median_step(steps, ground & mutual)[:, None]
        apart = (there.step - own.step).norm(dim=-1)
        from_ground = (there.step - still).norm(dim=-1)
        enough = (ground & mutual).sum(1) > GROUND_CELLS
        known = there.known & own.known & enough[:, None]
        along = apart + _NOISE < _NEARER * from_ground
        least = threshold * (APART_SIZE * size).clamp_min(1)[:, None]
        otherwise = (from_ground + _NOISE < _NEARER * apart) | (apart >= least)
        votes += known * (along.float() - (otherwise & ~along).float())
    return votes.sign()


@dataclass(frozen=True, slots=True)
class _Band:
    """Of the cells of each label, (N, B): their mean ``step`` (N, B, 2), and if it is ``known``."""

    step: torch.Tensor
    known: torch.Tensor

    @classmethod
    def of(
        cls, labels: torch.Tensor, steps: torch.Tensor, mutual: torch.Tensor, bins: int
    ) -> _Band:
        """Average the steps (n, 2) of the ``mutual`` (n,) cells over (N, n) labels."""
        weights = (labels > 0).float() * mutual
        count = sums(labels, weights, bins)
        total = [sums(labels, weights * part, bins) for part in steps.unbind(-1)]
        step = torch.stack(total, dim=-1) / count.clamp_min(1)[..., None]
        off = steps - step.gather(1, labels[..., None].expand(-1, -1, 2))
        alike = sums(labels, weights * (off.norm(dim=-1) < CLOSE), bins)
        return cls(step, (count >= _KNOWN_CELLS) & (alike >= _COHERENT * count))
