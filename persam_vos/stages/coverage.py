"""How much of each pixel an object covers: its outline between pixels, with edges a pixel wide.

A mask's probabilities are soft over several pixels where the network is unsure; that is not how
much of a pixel the object covers. Its outline is where it is as likely as all else, to a fraction
of a pixel. A pixel whose centre is a distance d inside of it is covered by 1/2 + d, within [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ..structures import Alpha, ScaledMasks

_SMOOTHING = 1.3  # pixels; the error on photographs is least from here to 1.6
_KERNEL_REACH = 4
_SMALLEST_SLOPE = 1e-6
_REACH = 2  # pixels from the outline, beyond which nothing is soft


def coverage_of_mask(mask: npt.NDArray[np.bool_]) -> Alpha:
    """Return the coverage, (H, W) uint8, by an object of which the (H, W) mask is all one has.

    It is 128 or more in the mask, and less outside.
    """
    alpha = np.zeros(mask.shape, np.uint8)
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    reach = _KERNEL_REACH + 1
    window = np.s_[max(0, y - reach) : y + height + reach, max(0, x - reach) : x + width + reach]
    if width:
        inside = torch.from_numpy(np.ascontiguousarray(mask[window]))
        alpha[window] = coverage(inside.float() - 0.5, inside).numpy()
    return alpha


def coverage_of_masks(
    scaled: Sequence[ScaledMasks],
    labels: torch.Tensor,
    object_ids: torch.Tensor,
    *,
    of_probs: bool,
) -> torch.Tensor:
    """Return the coverage by each of (N,) objects: (N, H, W) uint8, 0 for those without a mask.

    ``labels`` (H, W) is what `compose` made of the same masks; ``of_probs`` as there. Asks the
    device for nothing.
    """
    best = torch.zeros(labels.shape, device=labels.device)
    second = torch.full_like(best, -torch.inf)
    total = torch.zeros_like(best)
    for some in scaled:
        where = (some.rows, some.columns)
        for values in some.values:
            second[where] = torch.maximum(second[where], torch.minimum(best[where], values))
            best[where] = torch.maximum(best[where], values)
            total[where] += values.clamp_min(0)
    covered = labels.new_zeros((len(object_ids), *labels.shape))
    for some in scaled:
        where = (some.rows, some.columns)
        for object_id, values in zip(some.object_ids, some.values, strict=True):
            rival = torch.where(values == best[where], second[where], best[where])
            if of_probs:
                rival = torch.maximum(rival, 1 - total[where])
            whole = torch.zeros_like(labels)
            whole[where] = coverage(values - rival, labels[where] == object_id)
            row = (object_ids == object_id).int().argmax()
            covered.index_copy_(0, row[None], whole[None])
    return covered


def coverage(margin: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the coverage, (H, W) uint8, by an object whose outline is where its margin is 0.

    ``margin``, (H, W) float, says by how much it is likelier than all else; ``mask``, (H, W) bool,
    which pixels are its own. The margin is smoothed; where a line is too thin for that, the mask
    holds as it is. It is 128 or more in the mask, and less outside.
    """
    margin = _smoothed(margin)
    slope = torch.hypot(_difference(margin, 0), _difference(margin, 1)).clamp_min(_SMALLEST_SLOPE)
    levels = ((0.5 + margin / slope).clamp(0, 1) * 255).round()
    levels = torch.where(mask, levels.clamp_min(128), levels.clamp_max(127))
    sides = torch.stack([mask, ~mask]).float()
    near_outline = _reached(sides, _REACH).amin(0) > 0
    agree = torch.stack([margin > 0, margin <= 0]) * sides
    near_agreement = (_reached(agree, 1) * sides).amax(0) > 0
    return torch.where(near_outline & near_agreement, levels, 255 * sides[0]).to(torch.uint8)


def _reached(sides: torch.Tensor, reach: int) -> torch.Tensor:
    """Return which pixels have one of (n, H, W) zeros and ones within a distance."""
    return F.max_pool2d(sides, 2 * reach + 1, 1, reach)


def _smoothed(values: torch.Tensor) -> torch.Tensor:
    """Return (H, W) values, smoothed by a Gaussian."""
    places = torch.arange(-_KERNEL_REACH, _KERNEL_REACH + 1, device=values.device)
    weights = torch.exp(-0.5 * (places / _SMOOTHING) ** 2)
    weights = weights / weights.sum()
    padded = F.pad(values[None, None], (_KERNEL_REACH,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, weights[None, None, :, None]), weights[None, None, None])[0, 0]


def _difference(values: torch.Tensor, axis: int) -> torch.Tensor:
    """Return central differences of (H, W) values along an axis, one-sided at the border."""
    size = values.shape[axis]
    places = torch.arange(size, device=values.device)
    after, before = (places + 1).clamp_max(size - 1), (places - 1).clamp_min(0)
    span = (after - before).clamp_min(1)
    steps = values.index_select(axis, after) - values.index_select(axis, before)
    return steps / (span[:, None] if axis == 0 else span[None])
