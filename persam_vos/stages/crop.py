"""Look closer: cut a window out of a picture, at twice the encoder's resolution."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F

from ..geometry import PATCH, extents, normalise

_FINER = 2  # pixels of a close-up along an input pixel
_CELL = PATCH // _FINER  # input pixels along a cell of a window: a patch of the close-up


def place_window(
    masks: torch.Tensor, cell: int, window_hw: tuple[int, int], grid_hw: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Place a window so that marks are in its middle, as far as the picture allows.

    ``masks`` is (H, W) bool, by cells of ``cell`` input pixels; window and grid, (height, width),
    have cells of 8. Returns row and column of the window's first cell, (2,) int64, and the long
    side of the box round the marks in input pixels, () int64, which is 0 without any.
    """
    top, bottom, left, right = extents(masks[None])[0] * cell
    corners = []
    for ends, window, cells in zip((top + bottom, left + right), window_hw, grid_hw, strict=True):
        first = (ends / (2 * _CELL) - window / 2).round().long()
        corners.append(first.clamp(0, cells - window))
    return torch.stack(corners), torch.maximum(bottom - top, right - left) * masks.any()


def cut(
    pixels: torch.Tensor,
    input_hw: tuple[int, int],
    corner: torch.Tensor,
    window_hw: tuple[int, int],
) -> torch.Tensor:
    """Scale what a window shows of a picture and normalise it, for the encoder.

    ``pixels`` is (H, W, 3) uint8, scaled to ``input_hw`` for the whole picture; ``corner`` as in
    `place_window`. Returns (1, 3, 16 h, 16 w) float32 for a window of (h, w) cells, zeros beyond
    the picture.
    """
    axes = zip(pixels.shape[:2], input_hw, corner, window_hw, strict=True)
    rows, columns = (_weights_at(*axis, pixels.device) for axis in axes)
    image = normalise(rows @ pixels.permute(2, 0, 1).float() @ columns.T)
    there = rows.any(1)[:, None] & columns.any(1)
    return (image * there)[None].contiguous(memory_format=torch.channels_last)


def _weights_at(
    pixels: int, input_pixels: int, first: torch.Tensor, cells: int, device: torch.device
) -> torch.Tensor:
    """Return how much each pixel counts for those of a close-up along one axis: (16 h, pixels)."""
    weights = _axis_weights(pixels, _FINER * input_pixels, device)
    places = PATCH * first + torch.arange(PATCH * cells, device=device)
    inside = places < len(weights)
    return weights.index_select(0, places.clamp_max(len(weights) - 1)) * inside[:, None]


@lru_cache(maxsize=16)
def _axis_weights(pixels: int, scaled: int, device: torch.device) -> torch.Tensor:
    """Scale each pixel alone along one axis, antialiased as pictures are: (scaled, pixels)."""
    alone = torch.eye(pixels)[None, None]  # each row a picture's row
    rows = F.interpolate(
        alone, (pixels, scaled), mode="bilinear", antialias=True, align_corners=False
    )
    return rows[0, 0].T.contiguous().to(device)
