"""Masks of simple shapes, and with soft edges."""

from __future__ import annotations

import cv2
import numpy as np


def blobs(*ids: int, size_hw: tuple[int, int] = (60, 90)) -> np.ndarray:
    """Discs of these ids side by side on 0."""
    labels = np.zeros(size_hw, np.uint8)
    for place, value in enumerate(ids):
        centre = (10 + place * 80 // max(1, len(ids)), size_hw[0] // 2)
        cv2.circle(labels, centre, 9, value, -1)
    return labels


def soft(values: np.ndarray, scale: float = 1.0) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(values.astype(np.float32) * scale, (5, 5), 1).round())
