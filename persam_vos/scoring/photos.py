"""mIoU and bIoU of single photos, as in the PerSAM paper's PerSeg table.

Boundary IoU is that of Cheng et al., *Boundary IoU*, CVPR 2021: intersection over union of only the
inner bands of both masks along their contours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import ScoringError
from .region import BinaryMask, Mask, binary_pair, region_similarity

BAND_PER_DIAGONAL = 0.02


@dataclass(frozen=True, slots=True)
class PhotoScore:
    """The means over photos; ``mean_iou`` and ``mean_boundary_iou`` are in [0, 1]."""

    mean_iou: float
    mean_boundary_iou: float
    photo_count: int


def boundary_iou(
    prediction: Mask, truth: Mask, *, band_per_diagonal: float = BAND_PER_DIAGONAL
) -> float:
    """Return the intersection over union of the inner contour bands of two masks, in [0, 1].

    Masks are (H, W), every value but 0 inside. A band is the part of a mask that an erosion takes
    away, round(``band_per_diagonal`` x image diagonal) pixels deep (at least 1) in the chessboard
    metric; the picture's border counts as contour. Two empty masks give 1. Raises ScoringError when
    the shapes differ. Source: Cheng et al. 2021, ``mask_to_boundary`` of their published code.
    """
    bands = inner_bands(*binary_pair(prediction, truth), band_per_diagonal=band_per_diagonal)
    return region_similarity(*bands)


def inner_bands(
    first: BinaryMask, second: BinaryMask, *, band_per_diagonal: float = BAND_PER_DIAGONAL
) -> tuple[BinaryMask, BinaryMask]:
    """Return the inner contour bands of two (H, W) masks of 0 and 1: see `boundary_iou`."""
    depth_px = max(1, round(band_per_diagonal * float(np.hypot(*first.shape))))
    return _inner_band(first, depth_px), _inner_band(second, depth_px)


def score_photos(pairs: Iterable[tuple[Mask, Mask]]) -> PhotoScore:
    """Return the mean IoU and boundary IoU over (prediction, truth) pairs of masks.

    Every photo weighs the same. Raises ScoringError when there is no pair, or shapes differ.
    """
    scores = np.array(
        [
            (region_similarity(prediction, truth), boundary_iou(prediction, truth))
            for prediction, truth in pairs
        ]
    )
    if not scores.size:
        raise ScoringError("photos to score", got="none", expected="one pair of masks or more")
    mean_iou, mean_boundary_iou = scores.mean(axis=0)
    return PhotoScore(float(mean_iou), float(mean_boundary_iou), len(scores))


def _inner_band(mask: BinaryMask, depth_px: int) -> BinaryMask:
    """Return the pixels of a mask that are at most ``depth_px`` from its outside."""
    square = np.ones((2 * depth_px + 1, 2 * depth_px + 1), np.uint8)
    core = cv2.erode(mask, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    band: BinaryMask = mask - core
    return band
