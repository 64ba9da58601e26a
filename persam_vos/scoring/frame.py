"""J and F of all objects of one frame, from two label maps."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import ScoringError
from ..structures import LabelMap
from .boundary import boundary_radius, crop_to_content, cropped_boundary_f
from .region import BinaryMask, jaccard

Scores = npt.NDArray[np.float64]

VOID_LABEL = 255


def score_frame(
    prediction: LabelMap,
    truth: LabelMap,
    object_ids: Sequence[int],
    *,
    void: npt.NDArray[np.bool_] | None = None,
    radius_px: int | None = None,
) -> tuple[Scores, Scores]:
    """Return J and F of each object, two (K,) float64 arrays in the order of ``object_ids``.

    ``prediction`` and ``truth`` are (H, W) uint8 label maps. An object in neither of them scores 1
    and 1, an object in one of them 0 and 0. Pixels where ``void`` is true belong to no object.
    ``radius_px`` is the contour tolerance, ``boundary_radius`` of the picture by default. Raises
    ScoringError when the maps are not uint8 of one (H, W).
    """
    _check_maps(prediction, truth)
    radius = boundary_radius(*truth.shape) if radius_px is None else radius_px
    if void is not None:
        prediction, truth = (np.where(void, np.uint8(0), labels) for labels in (prediction, truth))
    pairs = [
        _score_pair(
            (prediction == object_id).view(np.uint8), (truth == object_id).view(np.uint8), radius
        )
        for object_id in object_ids
    ]
    scores = np.array(pairs, np.float64).reshape(-1, 2)  # (K, 2)
    return scores[:, 0].copy(), scores[:, 1].copy()


def _score_pair(prediction: BinaryMask, truth: BinaryMask, radius_px: int) -> tuple[float, float]:
    """Return J and F of one object on one frame."""
    prediction, truth = crop_to_content(prediction, truth)
    areas_px = cv2.countNonZero(prediction) + cv2.countNonZero(truth)
    j = jaccard(cv2.countNonZero(cv2.bitwise_and(prediction, truth)), areas_px)
    return j, cropped_boundary_f(prediction, truth, radius_px)


def _check_maps(prediction: LabelMap, truth: LabelMap) -> None:
    """Raise ScoringError unless both are uint8 label maps of one size."""
    for labels in (prediction, truth):
        if labels.ndim != 2 or labels.dtype != np.uint8:
            raise ScoringError(
                "label map",
                got=f"{labels.dtype} {labels.shape}",
                expected="uint8 (height, width)",
                remedy="pass one array of object ids per frame",
            )
    if prediction.shape != truth.shape:
        raise ScoringError(
            "label maps of one frame",
            got=f"a prediction of {prediction.shape[1]} x {prediction.shape[0]}",
            expected=f"the truth's {truth.shape[1]} x {truth.shape[0]}",
            remedy="write predictions at the size of the truth",
        )
