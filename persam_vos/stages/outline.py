"""Let outlines follow the picture's edges: a guided filter scales masks to pixels.

A mask is known cell by cell, its picture pixel by pixel. Within a small window the share of an
object is taken to be linear in the picture's colours; the line that fits the cells best is then
asked about the pixels. Where there is no edge the line is flat, and the mask stays as it is.
Source: He, Sun and Tang, Guided Image Filtering, 2013, eq. 14 to 16; that the lines are found on a
coarser grid than they are used on is their Fast Guided Filter, 2015.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from ..sam.geometry import COLOUR_CELL, LOGIT_CELL, Geometry, extents, normalise
from ..structures import ObjectLogits, ScaledLogits

_RADIUS = 4  # cells of colour each way, a power of two: windows of 18 input pixels
_NOISE = 1e-3  # variance of normalised colours that is no edge
_MARGIN = 4  # mask cells round a mask that its outline can move in
_FINER = LOGIT_CELL // COLOUR_CELL  # cells of colour along a mask cell


def scale_by_colours(
    objects: ObjectLogits, colours: torch.Tensor, picture: torch.Tensor, geometry: Geometry
) -> Iterator[ScaledLogits]:
    """Scale the masks of what is present to the picture, one at a time, where they are.

    ``colours`` is (3, 8h, 8w) for logits of (N, 4h, 4w), as in `Encoded`; ``picture`` (H, W, 3)
    uint8 RGB on the same device. The logits that it yields are an object's shares less one half:
    comparable among each other, and positive inside.
    """
    height, width = (-(-side // COLOUR_CELL) for side in geometry.input_hw)  # without padding
    by_row, by_column = geometry.cell_weights((height, width), COLOUR_CELL, colours.device)
    inside = objects.low_res_logits > 0
    somewhere = inside.flatten(1).any(1)[:, None]
    spans = torch.cat([extents(inside), somewhere], dim=1).tolist()
    for index, (object_id, (top, bottom, left, right, drawn)) in enumerate(
        zip(objects.object_ids, spans, strict=True)
    ):
        y, x = _grown(top, bottom, height), _grown(left, right, width)
        if not (objects.present[index] and drawn) or y.start >= y.stop or x.start >= x.stop:
            continue  # absent, or nowhere in the picture
        cells_y, cells_x = (slice(s.start // _FINER, -(-s.stop // _FINER)) for s in (y, x))
        logits = objects.low_res_logits[index, cells_y, cells_x].float()
        finer = F.interpolate(
            logits[None, None], scale_factor=_FINER, mode="bilinear", align_corners=False
        )
        shares = finer[0, 0, : y.stop - y.start, : x.stop - x.start].sigmoid()
        lines = colour_lines(shares, colours[:, y, x])
        rows, columns = _pixels(by_row, y), _pixels(by_column, x)
        scaled = by_row[rows, y] @ lines @ by_column[columns, x].T  # (4, R, C)
        scaled[:3] *= normalise(picture[rows, columns].permute(2, 0, 1))
        yield ScaledLogits(object_id, rows, columns, scaled.sum(0) - 0.5)


def colour_lines(shares: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """Fit shares by lines of colours, in a window round each cell, and average what overlaps.

    ``shares`` is (H, W) in [0, 1], ``colours`` (3, H, W) normalised. Returns (4, H, W): three
    slopes and an offset, so that ``slopes . colour + offset`` is the share of a pixel in a cell.
    """
    counts = _sums(torch.ones_like(shares[None]))  # windows at the border are smaller
    means = _sums(torch.cat([colours, shares[None]])) / counts
    mean_colour, mean_share = means[:3], means[3]
    shifted = colours.roll(-1, 0)
    products = torch.cat([colours * shares, colours * colours, colours * shifted])
    together = _sums(products) / counts
    cross = together[:3] - mean_colour * mean_share
    xx, yy, zz = together[3:6] - mean_colour * mean_colour + _NOISE
    xy, yz, xz = together[6:9] - mean_colour * mean_colour.roll(-1, 0)
    # The symmetric 3 x 3 systems are solved by their cofactors.
    first = torch.stack([yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy])
    second = torch.stack([first[1], xx * zz - xz * xz, xy * xz - xx * yz])
    third = torch.stack([first[2], second[2], xx * yy - xy * xy])
    determinant = xx * first[0] + xy * first[1] + xz * first[2]
    slopes = torch.stack([(row * cross).sum(0) for row in (first, second, third)]) / determinant
    offset = mean_share - (slopes * mean_colour).sum(0)
    return _sums(torch.cat([slopes, offset[None]])) / counts


def _sums(grids: torch.Tensor) -> torch.Tensor:
    """Add (C, H, W) up over windows, by doubling along each axis: far less work than pooling."""
    for axis, border in ((1, (0, 0, _RADIUS, _RADIUS)), (2, (_RADIUS, _RADIUS))):
        count = grids.shape[axis]
        sums = padded = F.pad(grids, border)
        size = 1
        while size < 2 * _RADIUS:
            room = sums.shape[axis] - size
            sums = sums.narrow(axis, 0, room) + sums.narrow(axis, size, room)
            size *= 2
        grids = sums.narrow(axis, 0, count) + padded.narrow(axis, size, count)
    return grids


def _grown(first: int, end: int, most: int) -> slice:
    """Turn a span of mask cells into one of cells of colour, with a margin."""
    return slice(max(0, first - _MARGIN) * _FINER, min(most, (end + _MARGIN) * _FINER))


def _pixels(weights: torch.Tensor, cells: slice) -> slice:
    """Return the pixels that lie in some cells, by the (pixels, cells) ``weights``."""
    count, most = weights.shape
    return slice(cells.start * count // most, -(-cells.stop * count // most))
