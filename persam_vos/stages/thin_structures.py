"""Restore thin structures: what is thinner than a cell fills no cell by half, and is not drawn.

A line, or a gap between two limbs, may cover a third of each cell that it passes through: masks cut
at one half lose it, although the readout knows the third. A morphological top-hat finds such cells,
which stand out of everything that is at least three cells wide. How much is restored depends on how
thin the object's reference mask is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

_THIN_FRACTION = 0.06  # of an object that is thin, or of thin gaps in it: all is restored
_GAIN = 2.5  # of what stands out: guided upsampling takes half of it back
_MIN_PROB = 0.01  # of a cell; bounds the log-odds to +-4.6


@dataclass(frozen=True, slots=True)
class Thinness:
    """How much to restore of objects' thin parts, and of the gaps in them; (N,) in [0, 1]."""

    parts: torch.Tensor
    gaps: torch.Tensor


def measure_thinness(coverage: torch.Tensor) -> Thinness:
    """Measure how thin objects are, by the (N, h, w) ``coverage`` of their reference masks."""
    area = coverage.sum((1, 2)).clamp_min(1e-6)
    thin = (_top_hat(of).sum((1, 2)) / area for of in (coverage, 1 - coverage))
    return Thinness(*((fraction / _THIN_FRACTION).clamp_max(1) for fraction in thin))


def restore_thin(logits: torch.Tensor, thinness: Thinness) -> torch.Tensor:
    """Raise the (N, h, w) log-odds of N objects at their thin parts, and lower them at their gaps.

    Linear in the probabilities: a part is raised in proportion to how much it stands out.
    """
    parts, gaps = (_GAIN * part[:, None, None] for part in (thinness.parts, thinness.gaps))
    probs = logits.sigmoid()
    restored = probs + parts * _top_hat(probs) - gaps * _top_hat(1 - probs)
    return torch.logit(restored, _MIN_PROB)


def _top_hat(probs: torch.Tensor) -> torch.Tensor:
    """Find by how much (N, h, w) cells stand out of what is wide: probs minus their opening.

    The opening is by 3 x 3 cells: the minimum over all neighbours, and the maximum of that; on a
    CPU along one axis after the other, which is far less work than pooling.
    """
    if probs.device.type != "cpu":
        return probs - F.max_pool2d(-F.max_pool2d(-probs, 3, 1, 1), 3, 1, 1)
    opened = probs
    for choose in (torch.minimum, torch.maximum):
        for axis in (1, 2):
            opened = _of_three(opened, axis, choose)
    return probs - opened


def _of_three(
    grids: torch.Tensor, axis: int, choose: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Reduce each cell of (N, h, w) with its neighbours along an axis by ``choose``."""
    chosen = grids.clone()
    length = grids.shape[axis] - 1
    low, high = grids.narrow(axis, 0, length), grids.narrow(axis, 1, length)
    for own, other in (
        (chosen.narrow(axis, 0, length), high),
        (chosen.narrow(axis, 1, length), low),
    ):
        own.copy_(choose(own, other))
    return chosen
