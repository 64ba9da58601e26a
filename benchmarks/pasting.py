"""Paste the object of a clip over another picture."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.clips import Clip
from persam_vos.structures import LabelMap, RgbImage


def pasted(
    clip: Clip, index: int, behind: RgbImage, random: np.random.Generator
) -> tuple[RgbImage, LabelMap]:
    """Paste a clip's object over a picture: somewhere else, smaller or larger, maybe mirrored."""
    image, labels = clip.frame(index).image, (clip.labels(index) > 0).astype(np.float32)
    if random.random() < 0.5:
        image, labels = image[:, ::-1].copy(), labels[:, ::-1].copy()
    height, width = behind.shape[:2]
    scale = random.uniform(0.6, 1.1)
    ys, xs = np.nonzero(labels)
    to = np.array([random.uniform(0.3, 0.7) * width, random.uniform(0.4, 0.65) * height])
    shift = to - scale * np.array([xs.mean(), ys.mean()])
    move = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    moved = cv2.warpAffine(image, move, (width, height), flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(labels, move, (width, height), flags=cv2.INTER_LINEAR)
    alpha = cv2.GaussianBlur(mask, (3, 3), 0)[..., None]
    mixed = (behind * (1 - alpha) + moved * alpha).round().clip(0, 255).astype(np.uint8)
    return mixed, (mask > 0.5).astype(np.uint8)
