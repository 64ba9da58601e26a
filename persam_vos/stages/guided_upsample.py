"""Guided upsampling: a guided filter scales masks to pixels, along the picture's edges.

Masks have a value per cell, the picture per pixel. Within a small window the probability of an
object is modelled as linear in the picture's colours; the coefficients that fit the cells best are
then applied to the pixels. Where there is no edge the slopes are zero, and the mask stays as it is.

Source: He, Sun and Tang, Guided Image Filtering, 2013, eq. 14 to 16. The coefficients are found on
a coarser grid than they are used on, as in their Fast Guided Filter, 2015.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from ..geometry import COLOUR_CELL, LOGIT_CELL, extents, normalise
from ..structures import CropLogits, ObjectLogits, ScaledMasks

_RADIUS = 4  # colour cells each way, a power of two: windows of 18 input pixels
_NOISE = 1e-3  # variance of normalised colours that is no edge
_MARGIN = 4  # mask cells by which a mask's boundary can move outwards
_PIXELS_AT_ONCE = 1 << 24  # of all masks that are scaled together: 64 bytes each, or 1 GB
_FINER = LOGIT_CELL // COLOUR_CELL  # colour cells along a mask cell


def guided_upsample(
    objects: ObjectLogits,
    colours: torch.Tensor,
    picture: torch.Tensor,
    weights: tuple[torch.Tensor, torch.Tensor],
    *,
    static_shapes: bool = False,
) -> Iterator[ScaledMasks]:
    """Scale the masks of present objects to the picture, each within its extent.

    ``colours`` is (3, 8h, 8w) for logits of (N, 4h, 4w), as in `Encoded`; ``picture`` (H, W, 3)
    uint8 RGB on the same device; ``weights`` those of `Geometry.colour_weights`. Yields
    probabilities, which may lie a little outside of [0, 1]. With ``static_shapes`` all masks are
    scaled to the whole picture, some at a time.
    """
    height, width = (len(of.T) for of in weights)  # without padding
    inside = objects.low_res_logits > 0
    drawn = (objects.low_res_logits.flatten(1).amax(1) > 0) & objects.present
    if static_shapes:
        whole = (slice(0, height), slice(0, width))
        batch_size = max(1, _PIXELS_AT_ONCE // (picture.shape[0] * picture.shape[1]))
        for start in range(0, len(drawn), batch_size):
            some = slice(start, start + batch_size)
            scaled = _scaled(objects, some, whole, colours, picture, weights)
            scaled.values.masked_fill_(~drawn[some, None, None], 0.0)
            yield scaled
        return
    spans = torch.cat([extents(inside), drawn[:, None]], dim=1).tolist()
    for index, (top, bottom, left, right, seen) in enumerate(spans):
        y, x = _grown(top, bottom, height), _grown(left, right, width)
        if seen and y.start < y.stop and x.start < x.stop:  # not absent, nor in the padding alone
            yield _scaled(objects, slice(index, index + 1), (y, x), colours, picture, weights)


def _scaled(
    objects: ObjectLogits,
    some: slice,
    where: tuple[slice, slice],
    colours: torch.Tensor,
    picture: torch.Tensor,
    weights: tuple[torch.Tensor, torch.Tensor],
) -> ScaledMasks:
    """Scale the masks of some objects in one window of the colour cells."""
    y, x = where
    by_row, by_column = weights
    cells_y, cells_x = (slice(s.start // _FINER, -(-s.stop // _FINER)) for s in where)
    logits = objects.low_res_logits[some, cells_y, cells_x].float()
    finer = F.interpolate(
        logits[:, None], scale_factor=_FINER, mode="bilinear", align_corners=False
    )
    finer = finer[:, 0, : y.stop - y.start, : x.stop - x.start]
    if objects.crop is not None:
        finer = _with_crop(finer, objects.crop, some, where)
    probs = finer.sigmoid()
    coefficients = fit_coefficients(probs, colours[:, y, x])
    rows, columns = _pixels(by_row, y), _pixels(by_column, x)
    scaled = by_row[rows, y] @ coefficients @ by_column[columns, x].T  # (n, 4, R, C)
    scaled[:, :3] *= normalise(picture[rows, columns].permute(2, 0, 1))
    return ScaledMasks(objects.object_ids[some], rows, columns, scaled.sum(1))


def _with_crop(
    finer: torch.Tensor, crop: CropLogits, some: slice, where: tuple[slice, slice]
) -> torch.Tensor:
    """Put what a crop shows of some objects into their logits of a window of colour cells."""
    logits = crop.logits[some]
    inside = crop.valid
    for axis, within in enumerate(where):
        size = logits.shape[1 + axis]
        places = torch.arange(within.start, within.stop, device=finer.device) - crop.corner[axis]
        logits = logits.index_select(1 + axis, places.clamp(0, size - 1))
        inside = inside[..., None] & (places >= 0) & (places < size)
    return torch.where(inside, logits, finer)


def fit_coefficients(probs: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """Fit masks by linear functions of colour in windows round the cells, and average these.

    ``probs`` is (N, H, W) in [0, 1], ``colours`` (3, H, W) normalised. Returns (N, 4, H, W): three
    slopes and an offset; ``slopes . colour + offset`` is the probability of a pixel in a cell.
    """
    counts = _sums(torch.ones_like(colours[:1]))  # windows at the border are smaller
    shifted = colours.roll(-1, 0)
    colour_sums = _sums(torch.cat([colours, colours * colours, colours * shifted])) / counts
    mean_colour = colour_sums[:3]
    xx, yy, zz = colour_sums[3:6] - mean_colour * mean_colour + _NOISE
    xy, yz, xz = colour_sums[6:9] - mean_colour * mean_colour.roll(-1, 0)
    prob_sums = _sums(torch.cat([probs[:, None], colours * probs[:, None]], dim=1)) / counts
    mean_prob = prob_sums[:, :1]
    cross = prob_sums[:, 1:] - mean_colour * mean_prob
    # The symmetric 3 x 3 systems are solved by their cofactors.
    first = torch.stack([yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy])
    second = torch.stack([first[1], xx * zz - xz * xz, xy * xz - xx * yz])
    third = torch.stack([first[2], second[2], xx * yy - xy * xy])
    determinant = xx * first[0] + xy * first[1] + xz * first[2]
    inverse = torch.stack([first, second, third]) / determinant
    slopes = torch.stack([(row * cross).sum(1) for row in inverse], dim=1)
    offset = mean_prob - (slopes * mean_colour).sum(1, keepdim=True)
    return _sums(torch.cat([slopes, offset], dim=1)) / counts


def _sums(grids: torch.Tensor) -> torch.Tensor:
    """Add (..., H, W) up over windows.

    By doubling along each axis, which on a CPU is far less work than pooling is.
    """
    if grids.device.type != "cpu":
        side = 2 * _RADIUS + 1
        rows = F.avg_pool2d(grids, (side, 1), 1, (_RADIUS, 0), divisor_override=1)
        return F.avg_pool2d(rows, (1, side), 1, (0, _RADIUS), divisor_override=1)
    for axis, border in ((-2, (0, 0, _RADIUS, _RADIUS)), (-1, (_RADIUS, _RADIUS))):
        count = grids.shape[axis]
        sums = padded = F.pad(grids, border)
        size = 1
        while size < 2 * _RADIUS:
            length = sums.shape[axis] - size
            sums = sums.narrow(axis, 0, length) + sums.narrow(axis, size, length)
            size *= 2
        grids = sums.narrow(axis, 0, count) + padded.narrow(axis, size, count)
    return grids


def _grown(first: int, end: int, limit: int) -> slice:
    """Turn a span of mask cells into one of colour cells, with a margin."""
    return slice(max(0, first - _MARGIN) * _FINER, min(limit, (end + _MARGIN) * _FINER))


def _pixels(weights: torch.Tensor, cells: slice) -> slice:
    """Return the pixels that lie in some cells, by the (pixels, cells) ``weights``."""
    count, cell_count = weights.shape
    return slice(cells.start * count // cell_count, -(-cells.stop * count // cell_count))
