"""Windowed decoding: each object in a window round its box, since decoding takes time per cell.

Cells keep the positions that they have on the whole picture, so that the decoder sees a part of the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from ..geometry import LOGIT_CELL, PATCH
from ..structures import MaskCandidates, Prompts

Decode = Callable[[torch.Tensor, Prompts, torch.Tensor], MaskCandidates]
"""Features and positions, (N, C, h, w), and prompts of N objects, to their masks."""

_MARGIN = 0.5  # of the box's sides, on each side of it
_MIN_MARGIN = 4  # feature cells: 64 input pixels
_STEP = 8  # feature cells that windows' sides are multiples of: few sizes, large batches
_OUTSIDE = -10.0  # logit outside of an object's window
_SCALE = PATCH // LOGIT_CELL


@dataclass(frozen=True, slots=True)
class _Group:
    """Objects whose windows have one size: their rows, and the windows' first cells (y, x)."""

    rows: list[int]
    corners: list[tuple[int, int]]
    size_hw: tuple[int, int]


def windowed_decode(
    decode: Decode,
    features: torch.Tensor,
    positions: torch.Tensor,
    prompts: Prompts,
    boxes: torch.Tensor,
) -> MaskCandidates:
    """Decode N objects of one frame, each in a window round its box; the rest is background.

    ``features`` and ``positions`` are (1, C, h, w), ``boxes`` (N, 4) xyxy in input pixels. Prompts
    are those of the whole picture.
    """
    height, width = features.shape[-2:]
    logits = features.new_full((len(boxes), 4, _SCALE * height, _SCALE * width), _OUTSIDE)
    iou = features.new_zeros((len(boxes), 4))
    rows_of_cells = features[0].permute(1, 2, 0)  # (h, w, C), contiguous as encoders return it
    for group in _groups(boxes, (height, width)):
        low_res_windows = [_window(corner, group.size_hw, _SCALE) for corner in group.corners]
        cells = [_window(corner, group.size_hw) for corner in group.corners]
        own = prompts.rows(group.rows)
        if own.dense_logits is not None:
            crops = [
                dense[:, y, x]
                for dense, (y, x) in zip(own.dense_logits, low_res_windows, strict=True)
            ]
            own = replace(own, dense_logits=torch.stack(crops))
        decoded = decode(
            torch.stack([rows_of_cells[window] for window in cells]).permute(0, 3, 1, 2),
            own,
            torch.cat([positions[:, :, y, x] for y, x in cells]),
        )
        iou[group.rows] = decoded.predicted_iou
        for row, (y, x), low_res in zip(
            group.rows, low_res_windows, decoded.low_res_logits, strict=True
        ):
            logits[row, :, y, x] = low_res
    return MaskCandidates(logits, iou)


def _groups(boxes: torch.Tensor, grid_hw: tuple[int, int]) -> Iterator[_Group]:
    """Choose each object's window, and put those of one size together."""
    by_size: dict[tuple[int, int], list[tuple[int, tuple[int, int]]]] = {}
    for row, (x0, y0, x1, y1) in enumerate((boxes / PATCH).tolist()):
        top, tall = _span(y0, y1, grid_hw[0])
        left, wide = _span(x0, x1, grid_hw[1])
        by_size.setdefault((tall, wide), []).append((row, (top, left)))
    for size_hw, members in by_size.items():
        rows, corners = zip(*members, strict=True)
        yield _Group(list(rows), list(corners), size_hw)


def _span(start: float, end: float, cells: int) -> tuple[int, int]:
    """Return first cell and number of cells of a window round a span, in ``cells`` of a side."""
    margin = max(_MIN_MARGIN, _MARGIN * (end - start))
    wanted = -(-(end - start + 2 * margin) // _STEP) * _STEP
    size = min(cells, int(wanted))
    first = round((start + end - size) / 2)
    return min(max(0, first), cells - size), size


def _window(
    corner: tuple[int, int], size_hw: tuple[int, int], scale: int = 1
) -> tuple[slice, slice]:
    rows, columns = (
        slice(scale * start, scale * (start + size))
        for start, size in zip(corner, size_hw, strict=True)
    )
    return rows, columns
