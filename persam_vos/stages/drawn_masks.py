"""What people draw: scribbles and coarse masks, and clicks that change a mask."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from ..geometry import depth_of

Mask = npt.NDArray[np.bool_]
XY = tuple[float, float]

_THIN = 0.05  # of the diagonal of its box: a drawing whose inner radius is smaller is a scribble
_SPREAD = 5  # points that stand for a scribble


def is_scribble(drawn: Mask) -> bool:
    """Tell whether an (H, W) mask is lines on an object rather than its shape."""
    points = cv2.findNonZero(drawn.view(np.uint8))
    _, _, width, height = cv2.boundingRect(points)
    return bool(depth_of(drawn).max() < _THIN * np.hypot(width, height))


def spread_points(drawn: Mask, count: int = _SPREAD) -> list[XY]:
    """Return up to ``count`` points of an (H, W) mask as xy, far inside of it and from each other.

    The first is the one that is farthest from the outside.
    """
    depth = depth_of(drawn)
    y, x = np.nonzero(depth >= 0.5 * depth.max())
    xy = np.stack([x, y], axis=1).astype(np.float64)
    chosen = [int(depth[y, x].argmax())]
    distance = np.hypot(*(xy - xy[chosen[0]]).T)
    while len(chosen) < count and distance.max() > 2 * depth.max():
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.hypot(*(xy - xy[chosen[-1]]).T))
    return [(float(xy[i, 0]), float(xy[i, 1])) for i in chosen]


def change_at(before: Mask, after: Mask, points: Iterable[tuple[float, float, int]]) -> Mask:
    """Change a mask (H, W) into another one where points (x, y, label) say so.

    What ``after`` has more round a point of label 1 is added, what it has less round one of label 0
    is taken away: as far as it hangs together. All else stays as it was.
    """
    changed = before.copy()
    for x, y, label in points:
        column = min(int(x), before.shape[1] - 1)
        row = min(int(y), before.shape[0] - 1)
        difference = (after & ~before) if label else (before & ~after)
        if difference[row, column]:
            _, parts = cv2.connectedComponents(difference.view(np.uint8))
            changed[parts == parts[row, column]] = bool(label)
    return changed
