"""Describe the target objects: one appearance vector each, from the reference frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..geometry import PATCH


@dataclass(frozen=True, slots=True)
class Appearance:
    """How N objects looked on their reference frames; made by `describe_appearance`."""

    vectors: torch.Tensor  # (N, C) means of the normalised target features
    own_similarity: torch.Tensor  # (N,) of the reference masks with themselves
    other_similarity: torch.Tensor  # (N,) of the rest of the reference pictures with them


def grid_coverage(
    masks: torch.Tensor, *, input_hw: tuple[int, int], grid_hw: tuple[int, int], cell: int
) -> torch.Tensor:
    """Measure the fraction of each feature cell that each mask covers.

    ``masks`` is (N, H, W) bool or float in [0, 1], in image pixels; ``input_hw`` the picture's
    size at the top left of the encoder's input, of which a grid of ``grid_hw`` cells of ``cell``
    input pixels is measured. Returns (N, h, w) float32 in [0, 1], zero in the padding.
    """
    resized = F.interpolate(
        masks[:, None].float(), size=input_hw, mode="bilinear", antialias=True, align_corners=False
    )
    height, width = (cells * cell for cells in grid_hw)
    padded = F.pad(resized, (0, width - input_hw[1], 0, height - input_hw[0]))
    return F.avg_pool2d(padded, cell)[:, 0].clamp(0, 1)


def target_vectors(
    features: torch.Tensor, coverage: torch.Tensor, *, least: float = 0.5
) -> torch.Tensor:
    """Average the normalised features of each target, weighted by coverage (eq. 4 to 6).

    ``features`` is (1, C, h, w), ``coverage`` (N, h, w). Cells count that are covered by ``least``
    or more; a target without such a cell takes those at least half covered, and one smaller than a
    cell every cell it touches, in proportion, so the result is never empty. Returns (N, C), so that
    the product with a normalised feature is the paper's mean cosine similarity S.
    """
    return target_means(F.normalize(features.float(), dim=1), coverage, least=least)


def target_means(
    features: torch.Tensor, coverage: torch.Tensor, *, least: float = 0.5
) -> torch.Tensor:
    """Average the features of each target as they are (eq. 9); like `target_vectors` otherwise."""
    flat = features[0].float().flatten(1)  # (C, h*w)
    weights = coverage.flatten(1).to(flat)  # (N, h*w)
    for threshold in (0.5, least):
        solid = weights * (weights >= threshold)
        weights = torch.where(solid.sum(1, keepdim=True) > 0, solid, weights)
    weights = weights / weights.sum(1, keepdim=True).clamp_min(1e-12)
    return weights @ flat.T


def similarity(features: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Compare every cell with every target (eq. 5, 6): ``vectors`` . features / abs(features).

    ``features`` is (1, C, h, w), ``vectors`` (N, C). Returns (N, h, w).
    """
    normalised = F.normalize(features[0].float(), dim=0)  # (C, h, w)
    return torch.einsum("nc,chw->nhw", vectors, normalised)


def mean_similarity(similarities: torch.Tensor, coverage: torch.Tensor) -> torch.Tensor:
    """Average (N, h, w) similarities over (N, h, w) coverage weights; returns (N,), 0 if empty."""
    total = coverage.sum((1, 2))
    return (similarities * coverage).sum((1, 2)) / total.clamp_min(1e-6)


def describe_appearance(
    features: torch.Tensor,
    masks: torch.Tensor,
    *,
    input_hw: tuple[int, int],
    least: float = 0.5,
) -> Appearance:
    """Describe N objects by their (N, H, W) masks, in image pixels, on a reference frame.

    ``features`` is (1, C, h, w), ``input_hw`` the picture's size in the encoder's input, ``least``
    as of `target_vectors`.
    """
    height, width = features.shape[-2:]
    everything = torch.ones_like(masks[:1])
    coverage, picture = (
        grid_coverage(of, input_hw=input_hw, grid_hw=(height, width), cell=PATCH)
        for of in (masks, everything)
    )
    vectors = target_vectors(features, coverage, least=least)
    found = similarity(features, vectors)
    own = mean_similarity(found, coverage)
    other = mean_similarity(found, (picture - coverage).clamp_min(0))
    return Appearance(vectors, own, other)


def joined(appearances: Sequence[Appearance], rows: slice = slice(None)) -> Appearance:
    """Concatenate the appearances of some objects, and select ``rows`` of them."""
    parts = ((a.vectors, a.own_similarity, a.other_similarity) for a in appearances)
    return Appearance(*(torch.cat(part)[rows] for part in zip(*parts, strict=True)))


def appearance_score(
    similarities: torch.Tensor, logits: torch.Tensor, appearance: Appearance
) -> torch.Tensor:
    """Score how similar what each mask covers is to its target, (N,) in [0, 1].

    ``similarities`` is (N, h, w), of a frame with the targets; ``logits`` (N, 4h, 4w) of their
    masks.
    1: as similar as the reference mask was to itself; 0: as the reference background was.
    """
    coverage = F.avg_pool2d((logits > 0).float(), logits.shape[-1] // similarities.shape[-1])
    inside = mean_similarity(similarities, coverage)
    own, other = appearance.own_similarity, appearance.other_similarity
    return ((inside - other) / (own - other).clamp_min(1e-3)).clamp(0, 1)
