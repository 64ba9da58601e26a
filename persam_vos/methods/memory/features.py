"""Describe a frame by three grids of cells that frames are matched by, coarse to fine.

Coarse cells have 16 input pixels on a side, middle ones 8, fine ones 4. What is compared at the
first two is the encoder's neck joined with an earlier layer of twice the resolution, at the third
the layer of four times the resolution; and at all of them the picture's own colours, because the
encoder was trained to tell where things end, not which is which.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ...structures import Encoded

FORBIDDEN = -9.0  # below any similarity

_DIRECTIONS = 90  # of 384 of the joined layers: matches as well as all of them
_COLOURS = 6  # numbers that describe a colour
_FINE_DIRECTIONS = 10  # of 64; with the colours a fine cell is 64 bytes, one line of a cache
_COLOUR_SHARE = 0.2  # of the similarity of coarse and middle cells
_FINE_SHARES = (0.3, 0.2)  # of layer and colours in that of fine cells; the rest is the middle's
_COLOUR_RANGE = (0.68, 2.7)  # radians per normalised luma and chroma: tells shades, not noise


@dataclass(frozen=True, slots=True)
class Cells:
    """One frame of (h, w) coarse cells; made by `extract_features`, kept by the memory.

    ``coarse`` is (h * w, D), row by row. ``middle`` is (4 * h * w, D) by quads: the four quarters
    of coarse cell i are the rows 4 i to 4 i + 3. Both are normalised. ``fine`` is (16 * h * w, d),
    row by row; the norm of its rows is the fine part's share of a similarity.
    """

    coarse: torch.Tensor
    middle: torch.Tensor
    fine: torch.Tensor
    grid_hw: tuple[int, int]

    @property
    def tables(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """All cells, coarse to fine."""
        return self.coarse, self.middle, self.fine


@dataclass(frozen=True, slots=True)
class Basis:
    """Main directions of a clip's features, found on its first frame by `fit_projection`.

    ``neck`` is (C, D') and ``layer`` (C', D') or None; ``fine`` (C'', d) or None, with zeros where
    the colours belong, and the (C'',) mean that fine cells are seen from. Cells are kept in
    ``dtype``: their numbers are at most 1, and their similarities are compared, not their digits.
    """

    neck: torch.Tensor
    layer: torch.Tensor | None
    fine: torch.Tensor | None
    fine_mean: torch.Tensor | None
    dtype: torch.dtype


def fit_projection(encoded: Encoded, dtype: torch.dtype = torch.float32) -> Basis:
    """Find the directions that hold most of a frame's features.

    Projected features keep their inner products, at a fraction of the affinity's price.
    """
    neck, layer = encoded.features.float(), encoded.fine
    if layer is None:
        return Basis(_main_directions(_unit_rows(neck), _DIRECTIONS), None, None, None, dtype)
    upsampled = F.interpolate(neck, layer.shape[-2:], mode="bilinear", align_corners=False)
    joined = torch.cat([_unit_rows(upsampled), _unit_rows(layer)], dim=1)
    directions = _main_directions(joined, _DIRECTIONS)
    width = neck.shape[1]
    fine = fine_mean = None
    if encoded.finest is not None:
        rows = _unit_rows(encoded.finest)
        fine_mean = rows.mean(0)
        fine = _main_directions(rows - fine_mean, _FINE_DIRECTIONS)
        fine = F.pad(fine, (0, _COLOURS))
    return Basis(directions[:width], directions[width:], fine, fine_mean, dtype)


def extract_features(encoded: Encoded, basis: Basis) -> Cells:
    """Describe a frame in the directions of its clip."""
    height, width = encoded.features.shape[-2:]
    middle = _colour_angles(F.avg_pool2d(encoded.colours.float(), 4))  # (4 h w, 6)
    quads = by_quads(_joined(encoded, basis, middle), (2 * height, 2 * width))
    coarse = F.normalize(quads.view(height * width, 4, -1).mean(1), dim=-1)
    coarse, quads, fine = (
        grid.to(basis.dtype) for grid in (coarse, quads, _fine_rows(encoded, basis))
    )
    return Cells(coarse, quads, fine, (height, width))


def by_quads(rows: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Put cells in the order of quads: (H * W, ...) row by row to (H * W, ...), both sides even."""
    height, width = grid_hw
    grid = rows.view(height // 2, 2, width // 2, 2, *rows.shape[1:])
    return grid.transpose(1, 2).reshape(rows.shape)


def by_rows(quads: torch.Tensor, grid_hw: tuple[int, int]) -> torch.Tensor:
    """Undo `by_quads`; ``grid_hw`` is that of the result."""
    height, width = grid_hw
    grid = quads.view(height // 2, width // 2, 2, 2, *quads.shape[1:])
    return grid.transpose(1, 2).reshape(quads.shape)


def fine_cells_of(grid_hw: tuple[int, int], device: torch.device, *, reach: int) -> torch.Tensor:
    """List the fine cells in, and ``reach`` cells round, each middle cell of (h, w) coarse ones.

    (4 h w, (2 + 2 reach)^2), middle cells by quads. At the picture's edge the cells there are
    listed again. The order without a ring is row by row.
    """
    height, width = grid_hw
    middle = torch.arange(4 * height * width, device=device)
    coarse, child = middle // 4, middle % 4
    y = 4 * (coarse // width) + 2 * (child // 2)
    x = 4 * (coarse % width) + 2 * (child % 2)
    steps = torch.arange(-reach, 2 + reach, device=device)
    rows = (y[:, None] + steps).clamp(0, 4 * height - 1)
    columns = (x[:, None] + steps).clamp(0, 4 * width - 1)
    return (rows[:, :, None] * (4 * width) + columns[:, None, :]).flatten(1)


def _joined(encoded: Encoded, basis: Basis, colours: torch.Tensor) -> torch.Tensor:
    """Join neck, layer and colours at the middle grid, (4 h w, D), normalised."""
    height, width = encoded.features.shape[-2:]
    # Projecting comes before upsampling: both are linear, and it leaves fewer channels.
    projected = _along(encoded.features, basis.neck).view(1, height, width, -1)
    upsampled = F.interpolate(
        projected.permute(0, 3, 1, 2),  # channels last in memory, which scaling keeps: no copies
        (2 * height, 2 * width),
        mode="bilinear",
        align_corners=False,
    )
    joined = _rows(upsampled)
    if basis.layer is not None and encoded.fine is not None:
        joined = joined + _along(encoded.fine, basis.layer)
    return torch.cat(
        [
            F.normalize(joined, dim=-1) * (1 - _COLOUR_SHARE) ** 0.5,
            colours * _COLOUR_SHARE**0.5,
        ],
        dim=-1,
    )


def _fine_rows(encoded: Encoded, basis: Basis) -> torch.Tensor:
    """Join the finest layer and the colours at the fine grid, (16 h w, d)."""
    layer_share, colour_share = _FINE_SHARES
    colours = _colour_angles(F.avg_pool2d(encoded.colours.float(), 2))
    if basis.fine is None or basis.fine_mean is None or encoded.finest is None:
        return colours * math.sqrt(layer_share + colour_share)
    seen = _along(encoded.finest, basis.fine) - basis.fine_mean @ basis.fine
    rows: torch.Tensor = F.normalize(seen, dim=-1) * layer_share**0.5
    rows[:, _FINE_DIRECTIONS:] = colours * colour_share**0.5
    return rows


def _colour_angles(colours: torch.Tensor) -> torch.Tensor:
    """Turn (1, 3, H, W) normalised RGB into unit vectors, (H * W, 6).

    Their inner product is the mean cosine of the differences of luma and two chromas, each an
    angle: near 1 for like colours, falling with the square of small differences.
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


def _unit_rows(grid: torch.Tensor) -> torch.Tensor:
    """(1, C, H, W) -> (H * W, C), normalised."""
    return F.normalize(_rows(grid.float()), dim=-1)


def _along(grid: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Project normalised cells on (C, D) directions: (1, C, H, W) -> (H * W, D).

    As ``_unit_rows(grid) @ directions``, without a copy of the grid.
    """
    rows = _rows(grid.float())
    norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True).clamp_min(1e-12)
    projected: torch.Tensor = (rows @ directions) / norms
    return projected


def _main_directions(rows: torch.Tensor, count: int) -> torch.Tensor:
    """Find the (C, count) orthonormal directions that hold most of (n, C) rows."""
    directions: torch.Tensor = torch.linalg.eigh(rows.T @ rows).eigenvectors
    return directions[:, -count:].contiguous()
