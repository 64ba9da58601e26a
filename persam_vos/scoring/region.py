"""J, the region similarity: intersection over union of two masks.

Definition: the DAVIS 2017 evaluation toolkit, ``davis2017/metrics.py``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import ScoringError

Mask = npt.NDArray[np.bool_] | npt.NDArray[np.integer]
"""(H, W) array; every value but 0 is inside."""
BinaryMask = npt.NDArray[np.uint8]
"""(H, W) uint8 array of 0 and 1."""


def region_similarity(
    prediction: Mask, truth: Mask, void: npt.NDArray[np.bool_] | None = None
) -> float:
    """Return J, the intersection over union of two masks, in [0, 1].

    ``prediction`` and ``truth`` are (H, W), every value but 0 inside; pixels where ``void`` is true
    count in neither. Two empty masks give 1, one empty mask gives 0. Raises ScoringError when the
    shapes differ. Source: the toolkit's ``db_eval_iou``.
    """
    inside_prediction, inside_truth = binary_pair(prediction, truth, void)
    intersection = int(np.count_nonzero(inside_prediction & inside_truth))
    return jaccard(
        intersection,
        int(np.count_nonzero(inside_prediction)) + int(np.count_nonzero(inside_truth)),
    )


def jaccard(intersection_px: int, sum_of_areas_px: int) -> float:
    """Return intersection over union from pixel counts; 1 when the union is empty."""
    union_px = sum_of_areas_px - intersection_px
    return intersection_px / union_px if union_px else 1.0


def binary_pair(
    prediction: Mask, truth: Mask, void: npt.NDArray[np.bool_] | None = None
) -> tuple[BinaryMask, BinaryMask]:
    """Return both masks as (H, W) uint8 of 0 and 1, void pixels cleared.

    Raises ScoringError when the masks, or ``void``, are not two-dimensional and of one shape.
    """
    shapes = [array.shape for array in (prediction, truth, void) if array is not None]
    if len(set(shapes)) != 1 or len(shapes[0]) != 2:
        raise ScoringError(
            "masks to compare",
            got=" and ".join(str(shape) for shape in shapes),
            expected="one (height, width)",
            remedy="score masks of one size against each other",
        )
    keep = None if void is None else ~void.astype(bool)
    inside = [array != 0 for array in (prediction, truth)]
    if keep is not None:
        inside = [mask & keep for mask in inside]
    return inside[0].view(np.uint8), inside[1].view(np.uint8)
