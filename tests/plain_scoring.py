"""J and F written down as they are defined, slowly: what the fast ones are held against."""

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Mask = npt.NDArray[np.bool_]


def region(prediction: Mask, truth: Mask) -> float:
    union = (prediction | truth).sum()
    return float((prediction & truth).sum() / union) if union else 1.0


def contour(mask: Mask) -> Mask:
    height, width = mask.shape
    result = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            below, right = min(y + 1, height - 1), min(x + 1, width - 1)
            others = (mask[y, right], mask[below, x], mask[below, right])
            result[y, x] = any(other != mask[y, x] for other in others)
    return result


def disk(radius: int) -> Mask:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x * x + y * y <= radius * radius)


def boundary(prediction: Mask, truth: Mask, radius: int) -> float:
    first, second = contour(prediction), contour(truth)
    if not first.any() or not second.any():
        return float(first.any() == second.any())
    near_first = ndimage.binary_dilation(first, disk(radius))
    near_second = ndimage.binary_dilation(second, disk(radius))
    precision = (first & near_second).sum() / first.sum()
    recall = (second & near_first).sum() / second.sum()
    total = float(precision + recall)
    return float(2 * precision * recall) / total if total else 0.0


def blobs(
    rng: np.random.Generator,
    size_hw: tuple[int, int],
    smoothness: float,
    threshold: float = 0.0,
) -> Mask:
    noise = ndimage.gaussian_filter(rng.standard_normal(size_hw), smoothness)
    return np.asarray(noise > threshold * noise.std())


def radius_of(height: int, width: int) -> int:
    return math.ceil(0.008 * math.hypot(height, width))
