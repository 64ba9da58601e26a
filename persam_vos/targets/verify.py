"""Verify masks: is what a mask covers the object, or just what looks most like it here?"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from .appearance import Likeness, ObjectCells
from .propose import Proposals

EVIDENCE = ("match", "mean", "mutual", "predicted_iou")


def verify(
    cells: torch.Tensor,
    inside: torch.Tensor,
    wanted: ObjectCells,
    likeness: Likeness,
    proposed: Proposals,
) -> tuple[int, float]:
    """Choose the mask that is most certainly the object; returns its place and the confidence."""
    rows = evidence(cells, inside, wanted, likeness, proposed)
    return int(rows[:, 0].argmax()), 0.0


def evidence(
    cells: torch.Tensor,
    inside: torch.Tensor,
    wanted: ObjectCells,
    likeness: Likeness,
    proposed: Proposals,
) -> torch.Tensor:
    """Measure what speaks for each of K masks: (K, 4), see `EVIDENCE`."""
    coverage = F.avg_pool2d((proposed.logits > 0).float(), 2).flatten(1) * inside
    threshold = coverage.amax(1, keepdim=True).clamp(1e-3, 0.5)
    covered = coverage >= threshold  # (K, Q)
    flat = cells.flatten(0, 1)
    nearest = likeness.own.argmax(0)
    back = likeness.own[nearest].amax(1) > likeness.other[nearest]
    mean = F.normalize(wanted.own.mean(0), dim=0)
    rows = []
    for mask, iou in zip(covered, proposed.predicted_iou, strict=True):
        best = likeness.own[mask].amax(0)
        match = torch.stack([best[view].mean() for view in wanted.views]).amax()
        own_mean = F.normalize(flat[mask].mean(0), dim=0)
        mutual = (mask[nearest] & back).float().mean()
        rows.append(torch.stack([match, own_mean @ mean, mutual, iou]))
    return torch.stack(rows)
