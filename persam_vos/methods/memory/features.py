"""Features of a frame at strides 16, 8 and 4, by which frames are matched, coarse to fine.

A cell of stride s is s x s input pixels. At strides 16 and 8 the features are the encoder's neck,
joined with an earlier layer of twice the resolution; at stride 4 they are the layer of four times
the resolution. The picture's colours are part of all of them, because the encoder was trained to
tell where things end, not which is which.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ...structures import Encoded

EXCLUDED = -9.0  # below any similarity

_DIMENSIONS = 90  # of 384 of the joined layers: matches as well as all of them
COLOUR_DIMENSIONS = 6  # numbers that describe a colour
_S4_DIMENSIONS = 10  # of 64; with the colours a s4 cell is 64 bytes, one line of a cache
_COLOUR_WEIGHT = 0.2  # of the similarity of s16 and s8 cells
_S4_WEIGHTS = (0.3, 0.2)  # of layer and colours in that of s4 cells; their s8 cells have the rest
_COLOUR_RANGE = (0.68, 2.7)  # radians per normalised luma and chroma: tells shades, not noise


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """Features of one frame of (h, w) cells of stride 16; made by `extract_features`.

    ``s16`` is (h * w, D) in raster order. ``s8`` is (4 * h * w, D) in quad order: the four quarters
    of s16 cell i are the rows 4 i to 4 i + 3. The rows of both have the norm 1. ``s4`` is
    (16 * h * w, d) in raster order; the norm of its rows is the weight that stride 4 has in a
    similarity.
    """

    s16: torch.Tensor
    s8: torch.Tensor
    s4: torch.Tensor
    grid_hw: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FeatureProjection:
    """Principal directions (PCA, not centred) of a clip's features; made by `fit_projection`.

    ``neck`` is (C, D') and ``layer`` (C', D') or None; ``s4`` (C'', d) or None, with zeros in
    the columns of the colours, and ``s4_mean``, (C'',), is subtracted at stride 4. Features are
    stored in ``dtype``: half precision will do, since they are at most 1 and only compared.
    """

    neck: torch.Tensor
    layer: torch.Tensor | None
    s4: torch.Tensor | None
    s4_mean: torch.Tensor | None
    dtype: torch.dtype


def fit_projection(encoded: Encoded, dtype: torch.dtype = torch.float32) -> FeatureProjection:
    """Find the directions that hold most of a frame's features; a clip's first frame is taken.

    Projected features keep their inner products, which then cost a fraction of the time.
    """
    neck, layer = encoded.features.float(), encoded.layer_s8
    if layer is None:
        only = _principal_directions(unit_rows(neck), _DIMENSIONS)
        return FeatureProjection(only, None, None, None, dtype)
    upsampled = F.interpolate(neck, layer.shape[-2:], mode="bilinear", align_corners=False)
    joined = torch.cat([unit_rows(upsampled), unit_rows(layer)], dim=1)
    directions = _principal_directions(joined, _DIMENSIONS)
    width = neck.shape[1]
    s4 = s4_mean = None
    if encoded.layer_s4 is not None:
        rows = unit_rows(encoded.layer_s4)
        s4_mean = rows.mean(0)
        s4 = _principal_directions(rows - s4_mean, _S4_DIMENSIONS)
        s4 = F.pad(s4, (0, COLOUR_DIMENSIONS))
    return FeatureProjection(directions[:width], directions[width:], s4, s4_mean, dtype)


def extract_features(encoded: Encoded, projection: FeatureProjection) -> FrameFeatures:
    """Project a frame's features on the directions of its clip."""
    height, width = encoded.features.shape[-2:]
    colours = colour_angles(F.avg_pool2d(encoded.colours.float(), 4))  # (4 h w, 6)
    s8 = to_quad_order(_s8_rows(encoded, projection, colours), (2 * height, 2 * width))
    s16 = F.normalize(s8.view(height * width, 4, -1).mean(1), dim=-1)
    s16, s8, s4 = (grid.to(projection.dtype) for grid in (s16, s8, _s4_rows(encoded, projection)))
    return FrameFeatures(s16, s8, s4, (height, width))


def to_quad_order(rows: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Put cells in quad order: (H * W, ...) in raster order to (H * W, ...), both sides even."""
    height, width = grid_hw
    grid = rows.view(height // 2, 2, width // 2, 2, *rows.shape[1:])
    return grid.transpose(1, 2).reshape(rows.shape)


def to_raster_order(rows: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Undo `to_quad_order`; ``grid_hw`` is that of the result."""
    height, width = grid_hw
    grid = rows.view(height // 2, width // 2, 2, 2, *rows.shape[1:])
    return grid.transpose(1, 2).reshape(rows.shape)


def dilated(cells: torch.Tensor, reach: int) -> torch.Tensor:
    """Give each of (N, H, W) cells the highest value at most ``reach`` rows and columns away."""
    return F.max_pool2d(cells, 2 * reach + 1, stride=1, padding=reach)


def at_s4(cells: torch.Tensor) -> torch.Tensor:
    """Repeat (N, 2h, 2w) s8 cells at s4 cells: (N, 4h, 4w)."""
    return cells.repeat_interleave(2, 1).repeat_interleave(2, 2)


def covered_cells(logits: torch.Tensor) -> torch.Tensor:
    """Mark the s8 cells that (N, 4h, 4w) masks cover: (N, 4 h w) bool, in quad order."""
    coverage = F.avg_pool2d((logits > 0).float(), 2)  # (N, 2h, 2w)
    threshold = coverage.amax((1, 2), keepdim=True).clamp(1e-6, 0.5)  # thin masks fill no cell
    rows = (coverage >= threshold).flatten(1).T  # (4 h w, N)
    return to_quad_order(rows, (coverage.shape[1], coverage.shape[2])).T


def s4_neighbourhoods(
    grid_hw: tuple[int, int], device: torch.device, *, reach: int
) -> torch.Tensor:
    """List the s4 cells in, and ``reach`` cells round, each s8 cell of (h, w) s16 ones.

    (4 h w, (2 + 2 reach)^2) int64, the s8 cells in quad order, the s4 cells row by row. Beyond
    the picture's edge the cells at the edge are listed again.
    """
    height, width = grid_hw
    s8 = torch.arange(4 * height * width, device=device)
    s16, child = s8 // 4, s8 % 4
    y = 4 * (s16 // width) + 2 * (child // 2)
    x = 4 * (s16 % width) + 2 * (child % 2)
    steps = torch.arange(-reach, 2 + reach, device=device)
    rows = (y[:, None] + steps).clamp(0, 4 * height - 1)
    columns = (x[:, None] + steps).clamp(0, 4 * width - 1)
    return (rows[:, :, None] * (4 * width) + columns[:, None, :]).flatten(1)


def _s8_rows(
    encoded: Encoded, projection: FeatureProjection, colours: torch.Tensor
) -> torch.Tensor:
    """Join neck, layer and colours at the s8 grid, (4 h w, D), normalised."""
    height, width = encoded.features.shape[-2:]
    # Projecting comes before upsampling: both are linear, and it leaves fewer channels.
    projected = _project(encoded.features, projection.neck).view(1, height, width, -1)
    upsampled = F.interpolate(
        projected.permute(0, 3, 1, 2),  # channels last in memory, which scaling keeps: no copies
        (2 * height, 2 * width),
        mode="bilinear",
        align_corners=False,
    )
    joined = _rows(upsampled)
    if projection.layer is not None and encoded.layer_s8 is not None:
        joined = joined + _project(encoded.layer_s8, projection.layer)
    return torch.cat(
        [
            F.normalize(joined, dim=-1) * (1 - _COLOUR_WEIGHT) ** 0.5,
            colours * _COLOUR_WEIGHT**0.5,
        ],
        dim=-1,
    )


def _s4_rows(encoded: Encoded, projection: FeatureProjection) -> torch.Tensor:
    """Join the layer of stride 4 and the colours, (16 h w, d)."""
    layer_weight, colour_weight = _S4_WEIGHTS
    colours = colour_angles(F.avg_pool2d(encoded.colours.float(), 2))
    if projection.s4 is None or projection.s4_mean is None or encoded.layer_s4 is None:
        return colours * math.sqrt(layer_weight + colour_weight)
    centred = _project(encoded.layer_s4, projection.s4) - projection.s4_mean @ projection.s4
    rows: torch.Tensor = F.normalize(centred, dim=-1) * layer_weight**0.5
    rows[:, _S4_DIMENSIONS:] = colours * colour_weight**0.5
    return rows


def colour_angles(colours: torch.Tensor) -> torch.Tensor:
    """Turn (1, 3, H, W) normalised RGB into unit vectors, (H * W, 6).

    Luma and the two chromas become angles; the inner product of two colours is the mean cosine of
    the differences of theirs: 1 for equal colours, less by the square of small differences.
    """
    red, green, blue = _rows(colours).unbind(-1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue  # BT.601
    by_luma, by_chroma = _COLOUR_RANGE
    angles = torch.stack(
        [by_luma * luma, by_chroma * 0.564 * (blue - luma), by_chroma * 0.713 * (red - luma)], -1
    )
    return torch.cat([angles.cos(), angles.sin()], dim=-1) * 3**-0.5


def _rows(grid: torch.Tensor) -> torch.Tensor:
    """(1, C, H, W) -> (H * W, C)."""
    rows: torch.Tensor = grid[0].permute(1, 2, 0).flatten(0, 1)
    return rows


def unit_rows(grid: torch.Tensor) -> torch.Tensor:
    """(1, C, H, W) -> (H * W, C), normalised."""
    return F.normalize(_rows(grid.float()), dim=-1)


def _project(grid: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Project normalised cells on (C, D) directions: (1, C, H, W) -> (H * W, D).

    As ``unit_rows(grid) @ directions``, without a copy of the grid.
    """
    rows = _rows(grid.float())
    norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True).clamp_min(1e-12)
    projected: torch.Tensor = (rows @ directions) / norms
    return projected


def _principal_directions(rows: torch.Tensor, count: int) -> torch.Tensor:
    """Find the (C, count) orthonormal directions that hold most of (n, C) rows."""
    directions: torch.Tensor = torch.linalg.eigh(rows.T @ rows).eigenvectors
    return directions[:, -count:].contiguous()
