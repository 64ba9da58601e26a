"""Score the decoder's candidates: how stable they are, and how well they fit what was shown."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..geometry import extents

_STABILITY_OFFSET = 1.0  # of logits, as in SAM's automatic mask generator
_BOX_WEIGHT = 2.0  # of the IoU of boxes, against predicted IoU and stability
_OUTSIDE_WEIGHT = 40.0  # of the share outside: what goes on beyond a tight box is something else


def stability(logits: torch.Tensor) -> torch.Tensor:
    """Return how little masks change with the threshold: (...,) in [0, 1] for (..., h, w) logits.

    The IoU of the masks above +1 and above -1, as ``calculate_stability_score`` of SAM.
    """
    inner = (logits > _STABILITY_OFFSET).flatten(-2).sum(-1)
    outer = (logits > -_STABILITY_OFFSET).flatten(-2).sum(-1)
    return inner / outer.clamp_min(1)


def box_fit(masks: torch.Tensor, box_xyxy: tuple[float, float, float, float]) -> torch.Tensor:
    """Score how well (K, H, W) bool masks fit a tight box: (K,), 2 if perfectly, 0 if empty.

    By the IoU of the box and theirs, and the share of each mask that is outside of it. Of masks
    that fill parts of a box alike, those are wrong that go on beyond it. Box in pixels, x1 and y1
    inclusive.
    """
    x0, y0, x1, y1 = box_xyxy
    height, width = masks.shape[1:]
    y, x = torch.arange(height, device=masks.device), torch.arange(width, device=masks.device)
    inside = ((y >= y0) & (y <= y1))[:, None] & ((x >= x0) & (x <= x1))
    area = masks.flatten(1).sum(1)
    outside = (masks & ~inside).flatten(1).sum(1) / area.clamp_min(1)
    top, bottom, left, right = extents(masks).unbind(1)
    shared_x = (right.clamp_max(x1 + 1) - left.clamp_min(x0)).clamp_min(0)
    shared_y = (bottom.clamp_max(y1 + 1) - top.clamp_min(y0)).clamp_min(0)
    shared = shared_x * shared_y
    either = (right - left) * (bottom - top) + (x1 + 1 - x0) * (y1 + 1 - y0) - shared
    fit = _BOX_WEIGHT * shared / either - _OUTSIDE_WEIGHT * outside
    return fit * (area > 0)  # the extent of an empty mask is the whole picture


def drawn_fit(masks: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Return the IoU of (K, H, W) bool masks with one that was drawn, (H, W): (K,)."""
    shared = (masks & drawn).flatten(1).sum(1)
    return shared / (masks | drawn).flatten(1).sum(1).clamp_min(1)


def point_fit(masks: torch.Tensor, points: Sequence[tuple[float, float, int]]) -> torch.Tensor:
    """Return the share of points (x, y, label) that (K, H, W) bool masks agree with: (K,)."""
    height, width = masks.shape[1:]
    agreed = [
        masks[:, min(int(y), height - 1), min(int(x), width - 1)] == bool(label)
        for x, y, label in points
    ]
    return torch.stack(agreed).float().mean(0)
