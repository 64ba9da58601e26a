"""Labels drawn over a picture: tinted objects with a crisp outline."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ..scoring.palette import davis_palette
from ..structures import LabelMap, RgbImage

LINE_SHARE = 1 / 240
"""Width of the coloured outline as a share of the picture's height: 2 pixels at 480 rows."""

LIGHT_LUMA = 150
"""Colours from this luma on are light: a white line beside them would not show."""


def draw_overlay(
    image: RgbImage, label_map: LabelMap, *, alpha: float = 0.5, contour: bool = True
) -> RgbImage:
    """Return a copy of an (H, W, 3) image with the objects of an (H, W) label map drawn over it.

    Each is filled with its DAVIS colour, ``alpha`` in [0, 1] strong. ``contour`` adds a line of
    that colour just inside the object, and a white one outside of it or, round light colours, a
    black one, so that the outline shows on any ground.
    """
    drawn = image.copy()
    if not label_map.any():
        return drawn
    thickness = max(1, round(image.shape[0] * LINE_SHARE))
    x, y, width, height = cv2.boundingRect(label_map)
    top, left = max(0, y - 2 * thickness), max(0, x - 2 * thickness)
    window = np.s_[top : y + height + 2 * thickness, left : x + width + 2 * thickness]
    labels = np.ascontiguousarray(label_map[window])
    part = drawn[window]
    colour = lookup(palette_rgb(), labels)
    _put(part, cv2.addWeighted(part, 1 - alpha, colour, alpha, 0), labels != 0)
    if contour:
        _outline(part, labels, colour, thickness)
    return drawn


def _outline(part: RgbImage, labels: LabelMap, colour: RgbImage, thickness: int) -> None:
    """Draw the outlines of (h, w) labels into (h, w, 3) pixels, in place."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * thickness + 1, 2 * thickness + 1))
    highest = cv2.dilate(labels, kernel)
    # The picture's border is no outline: erosion takes pixels beyond it for the highest.
    inside = (cv2.erode(labels, kernel) != highest) & (labels != 0)
    thin = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    near = cv2.dilate(labels, thin) if thickness < 4 else highest
    _put(part, lookup(edge_rgb(), near), (labels == 0) & (near != 0))
    _put(part, colour, inside)


def _put(part: RgbImage, source: RgbImage, where: npt.NDArray[np.bool_]) -> None:
    cv2.copyTo(source, where.view(np.uint8), part)


def lookup(table: npt.NDArray[np.uint8], labels: LabelMap) -> RgbImage:
    """Return the (h, w, 3) colours of (h, w) labels by a (1, 256, 3) table."""
    return np.asarray(cv2.LUT(cv2.merge([labels, labels, labels]), table), dtype=np.uint8)


@lru_cache(maxsize=1)
def palette_rgb() -> npt.NDArray[np.uint8]:
    """Return the DAVIS palette as a (1, 256, 3) lookup table, RGB."""
    return davis_palette()[None]


@lru_cache(maxsize=1)
def edge_rgb() -> npt.NDArray[np.uint8]:
    """Return the colour of each object's outer line as a (1, 256, 3) lookup table.

    White round dark colours, black round light ones, by BT.601 luma.
    """
    luma = davis_palette() @ np.array([0.299, 0.587, 0.114])
    return np.where(luma[:, None] < LIGHT_LUMA, 255, 0).repeat(3, axis=1).astype(np.uint8)[None]
