"""Verify masks: is what a mask covers the object, or just what looks most like it here?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from ..stages.mask_selection import agreement
from .appearance import Likeness, ObjectCells
from .features import parts_of
from .propose import Proposals

EVIDENCE = ("surface", "colour", "mean", "mutual", "predicted IoU", "agreement")
"""What speaks for a mask, at most 1 each.

Of each of the object's cells, in the reference that fits best, the most similar cell in the mask is
looked up: ``surface`` is how alike both are to the encoder's earlier layer, ``colour`` how alike
their colours are. ``mean`` compares the means of object and mask. ``mutual`` is the fraction of the
object's cells whose most similar cell of the whole picture is in the mask, and more like the object
than like what was beside it. ``predicted IoU`` is the decoder's, ``agreement`` the soft IoU of the
mask and the likeness of its cells.
"""
WEIGHTS = (49.2, 40.9, 15.2, 3.5, 14.7, 8.8, -97.3)
"""Of the evidence, and a constant: of a logistic regression, see ``benchmarks.target_presence``."""


@dataclass(frozen=True, slots=True)
class Judged:
    """K proposed masks: logits (K, 4h, 4w), evidence (K, E), and confidence (K,) in [0, 1].

    Of what they were proposed by, ``likeness`` (2h, 2w) in [0, 1] says how much of the object the
    frame's cells look like, and ``points_xy`` (P, 2) where in input pixels the decoder was pointed.
    """

    logits: torch.Tensor
    evidence: torch.Tensor
    confidence: torch.Tensor
    likeness: torch.Tensor | None = None
    points_xy: torch.Tensor | None = None

    def rows(self, chosen: torch.Tensor) -> Judged:
        """Return some of them, by (k,) indices."""
        return replace(
            self,
            logits=self.logits[chosen],
            evidence=self.evidence[chosen],
            confidence=self.confidence[chosen],
        )


def verify(
    cells: torch.Tensor,
    inside: torch.Tensor,
    wanted: ObjectCells,
    likeness: Likeness,
    proposed: Proposals,
) -> Judged:
    """Say of proposed masks how sure it is that they are the object.

    ``cells`` (4 h w, D) are the frame's features; ``inside`` (4 h w,) bool those in the picture.
    """
    coverage = F.avg_pool2d((proposed.logits > 0).float()[:, None], 2).flatten(1) * inside
    threshold = coverage.amax(1, keepdim=True).clamp(1e-3, 0.5)
    covered = coverage >= threshold  # (K, 4 h w): thin masks fill no cell
    there = covered.any(1)  # and not in the padding alone
    covered = covered[there]
    evidence = torch.stack(
        [
            *_matched(cells, wanted, likeness, covered),
            _mean_likeness(cells, wanted, covered),
            _mutual(likeness, covered),
            proposed.predicted_iou[there],
            agreement(coverage[there][:, None], likeness.probs[None]),
        ],
        dim=1,
    )
    weights = evidence.new_tensor(WEIGHTS)
    sure = (evidence @ weights[:-1] + weights[-1]).sigmoid()
    return Judged(proposed.logits[there], evidence, sure)


def _matched(
    cells: torch.Tensor, wanted: ObjectCells, likeness: Likeness, covered: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how alike surface and colours of matched cells are, (K,) each."""
    of_picture, of_object = parts_of(cells, wanted.widths), parts_of(wanted.own, wanted.widths)
    surfaces, colours = [], []
    for mask in covered:
        rows = mask.nonzero()[:, 0]
        similarity, places = likeness.own[rows].max(0)
        view = max(wanted.views, key=lambda one: float(similarity[one].mean()))
        matches = rows[places[view]]
        surfaces.append((of_picture.layer[matches] * of_object.layer[view]).sum(1).mean())
        colours.append((of_picture.colours[matches] * of_object.colours[view]).sum(1).mean())
    if not surfaces:
        return cells.new_zeros(0), cells.new_zeros(0)
    return torch.stack(surfaces), torch.stack(colours)


def _mean_likeness(cells: torch.Tensor, wanted: ObjectCells, covered: torch.Tensor) -> torch.Tensor:
    """Compare the mean of each mask's cells with the object's: (K,)."""
    return F.normalize(covered.float() @ cells, dim=1) @ wanted.mean


def _mutual(likeness: Likeness, covered: torch.Tensor) -> torch.Tensor:
    """Return the fraction of the object's cells that match in each mask and back: (K,)."""
    nearest = likeness.own.argmax(0)
    back = likeness.own[nearest].amax(1) > likeness.other[nearest]
    return (covered[:, nearest] & back).float().mean(1)
