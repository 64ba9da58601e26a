"""Measure the objects of a label map."""

from __future__ import annotations

import torch

from ..geometry import extents

_OBJECTS_AT_ONCE = 8  # a byte for each of their pixels


def measure(labels: torch.Tensor, object_ids: torch.Tensor) -> torch.Tensor:
    """Measure (N,) objects on an (H, W) label map: (N, 5) as area, top, bottom, left, right.

    int64, in pixels; the ends are one beyond the last pixel. Of an absent object
    only the area, 0, is meaningful. Stays on the device.
    """
    rows = []
    for some in torch.split(object_ids, _OBJECTS_AT_ONCE):
        inside = labels == some[:, None, None]
        areas = inside.sum((1, 2), dtype=torch.int32)  # CPUs take twice as long for int64
        rows.append(torch.cat([areas[:, None], extents(inside)], dim=1))
    return torch.cat(rows)
