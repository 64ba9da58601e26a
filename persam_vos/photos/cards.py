"""Small pictures of what was found in a photo, for the overview."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from ..media.overlay import draw_overlay
from ..structures import LabelMap, RgbImage
from .method import PhotoObject

_SIDE = 320  # pixels of the long side
_QUALITY = 80
_POSITIVE_RGB, _NEGATIVE_RGB, _BOX_RGB = (40, 200, 80), (230, 50, 50), (255, 210, 0)
_HEAT_SHARE = 0.6  # of the colours over the picture


def picture_card(image: RgbImage, labels: LabelMap, objects: Sequence[PhotoObject] = ()) -> str:
    """Draw masks, points and boxes over a small copy of a picture; returns a data address."""
    small, scale = _small(image)
    size = small.shape[1::-1]
    of_masks = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    drawn = draw_overlay(small, np.asarray(of_masks, np.uint8), alpha=0.4)
    for one in objects:
        if one.box_xyxy is not None:
            x0, y0, x1, y1 = (round(side * scale) for side in one.box_xyxy)
            cv2.rectangle(drawn, (x0, y0), (x1, y1), _BOX_RGB, 1, cv2.LINE_AA)
        for x, y, label in one.points:
            centre = (round(x * scale), round(y * scale))
            cv2.circle(drawn, centre, 5, (255, 255, 255), -1, cv2.LINE_AA)
            colour = _POSITIVE_RGB if label else _NEGATIVE_RGB
            cv2.circle(drawn, centre, 4, colour, -1, cv2.LINE_AA)
    return _address(drawn)


def confidence_card(image: RgbImage, confidence: npt.NDArray[np.float32]) -> str:
    """Draw an (h, w) confidence map, the highest red, over a small picture; a data address."""
    small, _ = _small(image)
    span = float(np.ptp(confidence)) or 1.0
    levels = np.asarray((confidence - confidence.min()) / span * 255, np.uint8)
    spread = cv2.resize(levels, small.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    colours = cv2.cvtColor(cv2.applyColorMap(spread, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    grey = cv2.cvtColor(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    mixed = cv2.addWeighted(grey, 1 - _HEAT_SHARE, colours, _HEAT_SHARE, 0)
    return _address(np.asarray(mixed, np.uint8))


def _small(image: RgbImage) -> tuple[RgbImage, float]:
    """Scale a picture to a card, and say by how much."""
    height, width = image.shape[:2]
    scale = _SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8), scale


def _address(image: RgbImage) -> str:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode("ascii")
