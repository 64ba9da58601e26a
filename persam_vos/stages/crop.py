"""Crops: cut a window out of a picture, at twice the encoder's resolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..geometry import PATCH, extents, normalise

_SCALE = 2  # pixels of a crop along an input pixel
_CELL = PATCH // _SCALE  # input pixels along a cell of a window: a patch of the crop


def place_window(
    mask: torch.Tensor, cell: int, window_hw: tuple[int, int], grid_hw: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Place a window with a mask in its centre, as far as the picture's border allows.

    ``mask`` is (H, W) bool, by cells of ``cell`` input pixels; window and grid, (height, width),
    have cells of 8. Returns row and column of the window's first cell, (2,) int64, and the long
    side of the box round the mask in input pixels, () int64, which is 0 if it is empty.
    """
    top, bottom, left, right = extents(mask[None])[0] * cell
    corners = []
    for ends, window, cells in zip((top + bottom, left + right), window_hw, grid_hw, strict=True):
        first = (ends / (2 * _CELL) - window / 2).round().long()
        corners.append(first.clamp(0, cells - window))
    return torch.stack(corners), torch.maximum(bottom - top, right - left) * mask.any()


@dataclass(frozen=True, slots=True)
class CropScaling:
    """How a clip's pictures are scaled to twice the encoder's resolution; made once for a clip.

    ``rows`` is (h, H) and ``columns`` (w, W): how much each of H x W pixels counts for each of the
    h x w pixels that the whole picture would have.
    """

    rows: torch.Tensor
    columns: torch.Tensor

    @classmethod
    def new(cls, pixels: torch.Tensor, input_hw: tuple[int, int]) -> CropScaling:
        """Make it for pictures like (H, W, 3) ``pixels``, which are scaled to ``input_hw``."""
        sizes = zip(pixels.shape[:2], input_hw, strict=True)
        return cls(*(_axis_weights(*size, pixels.device) for size in sizes))

    def cut(
        self, pixels: torch.Tensor, corner: torch.Tensor, window_hw: tuple[int, int]
    ) -> torch.Tensor:
        """Scale what a window shows of a picture and normalise it, for the encoder.

        ``pixels`` is (H, W, 3) uint8; ``corner`` as in `place_window`. Returns (1, 3, 16 h, 16 w)
        float32 for a window of (h, w) cells, zeros beyond the picture.
        """
        axes = zip((self.rows, self.columns), corner, window_hw, strict=True)
        rows, columns = (_weights_at(*axis) for axis in axes)
        image = normalise(rows @ pixels.permute(2, 0, 1).float() @ columns.T)
        inside = rows.any(1)[:, None] & columns.any(1)
        return (image * inside)[None].contiguous(memory_format=torch.channels_last)


def _weights_at(weights: torch.Tensor, first: torch.Tensor, cells: int) -> torch.Tensor:
    """Return how much each pixel counts for those of a window along one axis: (16 h, pixels)."""
    places = PATCH * first + torch.arange(PATCH * cells, device=weights.device)
    inside = places < len(weights)
    return weights.index_select(0, places.clamp_max(len(weights) - 1)) * inside[:, None]


def _axis_weights(pixels: int, input_pixels: int, device: torch.device) -> torch.Tensor:
    """Scale each pixel alone along one axis, antialiased as pictures are: (scaled, pixels)."""
    alone = torch.eye(pixels)[None, None]  # each row a picture's row
    size = (pixels, _SCALE * input_pixels)
    rows = F.interpolate(alone, size, mode="bilinear", antialias=True, align_corners=False)
    return rows[0, 0].T.contiguous().to(device)
