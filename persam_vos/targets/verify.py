"""Verify masks: is what a mask covers the object, or just what looks most like it here?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .appearance import Likeness, ObjectCells
from .propose import Proposals

EVIDENCE = ("match", "mean", "mutual", "predicted IoU")
"""What speaks for a mask, in [0, 1] each.

``match``: how alike the object's cells, of the reference that fits best, and their most similar
cells in the mask are. ``mean``: the same of the means of both. ``mutual``: the fraction of the
object's cells whose most similar cell of the picture is in the mask, and is more like the object
than like what was beside it. ``predicted IoU``: the decoder's.
"""
WEIGHTS = (50.0, 5.0, 1.0, 0.0, -40.0)
"""Of the evidence, and a constant: of a logistic regression, see ``benchmarks.target_presence``."""


@dataclass(frozen=True, slots=True)
class Judged:
    """K proposed masks: logits (K, 4h, 4w), evidence (K, E), and confidence (K,) in [0, 1]."""

    logits: torch.Tensor
    evidence: torch.Tensor
    confidence: torch.Tensor


def verify(
    cells: torch.Tensor,
    inside: torch.Tensor,
    wanted: ObjectCells,
    likeness: Likeness,
    proposed: Proposals,
) -> Judged:
    """Say of proposed masks how sure it is that they are the object.

    ``cells`` (2h, 2w, D) are the frame's features; ``inside`` (4 h w,) bool those in the picture.
    """
    coverage = F.avg_pool2d((proposed.logits > 0).float(), 2).flatten(1) * inside
    threshold = coverage.amax(1, keepdim=True).clamp(1e-3, 0.5)
    covered = coverage >= threshold  # (K, Q)
    there = covered.any(1)  # and not in the padding alone
    flat = cells.flatten(0, 1)
    nearest = likeness.own.argmax(0)
    mutual = likeness.own[nearest].amax(1) > likeness.other[nearest]
    mean = F.normalize(wanted.own.mean(0), dim=0)
    rows = []
    for mask, iou in zip(covered[there], proposed.predicted_iou[there], strict=True):
        best = likeness.own[mask].amax(0)
        match = torch.stack([best[view].mean() for view in wanted.views]).amax()
        own_mean = F.normalize(flat[mask].mean(0), dim=0) @ mean
        rows.append(torch.stack([match, own_mean, (mask[nearest] & mutual).float().mean(), iou]))
    evidence = torch.stack(rows) if rows else covered.new_zeros((0, len(EVIDENCE))).float()
    weights = evidence.new_tensor(WEIGHTS)
    sure = (evidence @ weights[:-1] + weights[-1]).sigmoid()
    return Judged(proposed.logits[there], evidence, sure)
