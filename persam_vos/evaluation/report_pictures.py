"""The worst frames as pictures: the outlines of truth and prediction over the frame."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..errors import PersamVosError
from ..media.image_reader import read_image
from ..scoring import VOID_LABEL
from ..scoring.label_files import present_ids, read_label_file
from ..structures import LabelMap, RgbImage

PICTURE_WIDTH = 600
TRUTH_RGB = (0, 214, 255)
PREDICTION_RGB = (255, 60, 160)
_SCALE = 2  # lines are drawn on a picture this much larger, so that they are smooth and thin
_TRUTH_PX, _PREDICTION_PX = 4, 2  # thickness: of a prediction that fits, truth shows on both sides
_SUBPIXEL_BITS = 4
_JPEG_QUALITY = 82


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where a frame lies; ``image`` and ``prediction`` are None where there is none."""

    image: Path | None
    truth: Path
    prediction: Path | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a ``data:`` address, or the reason why there is none, and its size.

    ``remark`` says what is missing from it, such as a prediction.
    """

    address: str = ""
    problem: str = ""
    remark: str = ""
    size_hw: tuple[int, int] = (0, 0)


def worst_frames(region: Sequence[float], boundary: Sequence[float], count: int) -> list[int]:
    """Return the positions of up to ``count`` bad frames, the worst first.

    ``region`` and ``boundary`` are (T,) J and F; the lowest J is the worst, F and then the earlier
    frame decide ties. The frames are at least T / 8 apart, since neighbours look the same.
    """
    apart = max(1.0, len(region) / 8)
    chosen: list[int] = []
    for k in sorted(range(len(region)), key=lambda k: (region[k], boundary[k], k)):
        if all(abs(k - other) >= apart for other in chosen):
            chosen.append(k)
        if len(chosen) == count:
            break
    return chosen


def draw_picture(place: FramePlace, object_ids: Sequence[int], *, single: bool) -> Picture:
    """Read one frame and return it with the outlines of its objects, as JPEG.

    ``single`` takes all labels above 0 as one object. What cannot be read is said in the picture's
    place, and stops nothing.
    """
    if place.image is None:
        return Picture(problem="There is no picture of this frame.")
    try:
        image = read_image(place.image)
        truth = _scored_labels(place.truth, object_ids, single)
        predicted = (
            np.zeros_like(truth)
            if place.prediction is None
            else _scored_labels(place.prediction, object_ids, single)
        )
    except PersamVosError as error:
        return Picture(problem=str(error))
    drawn = draw_outlines(image, truth, predicted, width=min(PICTURE_WIDTH, image.shape[1]))
    return Picture(
        address=jpeg_address(drawn),
        remark=_remark(truth, predicted),
        size_hw=(drawn.shape[0], drawn.shape[1]),
    )


def draw_outlines(image: RgbImage, truth: LabelMap, predicted: LabelMap, *, width: int) -> RgbImage:
    """Return a picture ``width`` pixels wide, with the outlines of true and predicted objects.

    ``image`` is (H, W, 3); the labels are (H', W'), of the same shape of picture.
    """
    drawn = _resize(image, _SCALE * width)
    _draw_outlines(drawn, truth, TRUTH_RGB, _TRUTH_PX)
    _draw_outlines(drawn, predicted, PREDICTION_RGB, _PREDICTION_PX)
    return _resize(drawn, width)


def _scored_labels(path: Path, object_ids: Sequence[int], single: bool) -> LabelMap:
    """Return the (H, W) labels that count, all others being 0 (as in scoring)."""
    labels = read_label_file(path)
    if single or present_ids(labels) == {VOID_LABEL}:
        return (labels > 0).astype(np.uint8)
    return np.where(np.isin(labels, list(object_ids)), labels, 0).astype(np.uint8)


def _remark(truth: LabelMap, predicted: LabelMap) -> str:
    if not predicted.any():
        return "nothing predicted"
    return "" if truth.any() else "nothing in the truth"


def _resize(image: RgbImage, width: int) -> RgbImage:
    """Return a copy of an (H, W, 3) image at another width."""
    size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
    how = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LINEAR
    return np.array(cv2.resize(image, size, interpolation=how), dtype=np.uint8)


def _draw_outlines(
    drawn: RgbImage, labels: LabelMap, colour: tuple[int, int, int], thickness_px: int
) -> None:
    """Draw the outline of each object of (H, W) labels into (h, w, 3) pixels, in place."""
    # Labels may be larger than the picture: outlines are found in full and placed between pixels.
    scale = np.array([drawn.shape[1] / labels.shape[1], drawn.shape[0] / labels.shape[0]])
    for object_id in sorted(present_ids(labels)):
        mask = (labels == object_id).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        for contour in contours:  # (N, 1, 2), x before y
            spots = ((contour + 0.5) * scale - 0.5) * 2**_SUBPIXEL_BITS
            cv2.polylines(
                drawn,
                [np.rint(spots).astype(np.int32)],
                True,
                colour,
                thickness_px,
                cv2.LINE_AA,
                _SUBPIXEL_BITS,
            )


def jpeg_address(image: RgbImage) -> str:
    """Return an (H, W, 3) picture as the ``data:`` address of a JPEG."""
    content = io.BytesIO()
    # Colours at half the resolution would leave thin lines grey: no subsampling.
    Image.fromarray(image).save(
        content, "JPEG", quality=_JPEG_QUALITY, subsampling=0, optimize=True
    )
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode("ascii")
