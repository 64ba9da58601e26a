"""Photos of any size: very large ones are segmented at a bounded size."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..structures import RgbImage
from .method import Mask, PhotoMethod, PhotoObject

LARGEST_SIDE = 4096
"""Pixels of a photo's long side up to which it is segmented as it is."""


def segment_any_size(method: PhotoMethod, image: RgbImage) -> tuple[PhotoObject, ...]:
    """Find all objects in a photo; masks, points and boxes are those of the photo as it is.

    One that is larger than `LARGEST_SIDE` is scaled down first, and its masks are scaled up: memory
    is bounded, and networks see far less than that anyway.
    """
    height, width = image.shape[:2]
    scale = LARGEST_SIDE / max(height, width)
    if scale >= 1:
        return method.segment(image)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return tuple(_enlarged(one, (height, width)) for one in method.segment(small))


def _enlarged(found: PhotoObject, size_hw: tuple[int, int]) -> PhotoObject:
    fy, fx = (new / old for new, old in zip(size_hw, found.mask.shape, strict=True))
    box = found.box_xyxy
    return replace(
        found,
        mask=_scaled(found.mask, size_hw),
        points=tuple((x * fx, y * fy, label) for x, y, label in found.points),
        box_xyxy=None if box is None else (box[0] * fx, box[1] * fy, box[2] * fx, box[3] * fy),
        instances=tuple(replace(one, mask=_scaled(one.mask, size_hw)) for one in found.instances),
    )


def _scaled(mask: Mask, size_hw: tuple[int, int]) -> Mask:
    levels = mask.astype(np.uint8) * np.uint8(255)
    scaled = cv2.resize(levels, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(scaled > 127)
