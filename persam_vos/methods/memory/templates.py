"""Templates of objects: is what a mask covers more like the object than like anything beside it?

The last frames confirm a drift, since they drifted too; an older template ends it. Everything is a
batch of N objects, whose samples are padded to a fixed length, with a mask of the valid ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from .features import EXCLUDED

_ALIKE = (0.66, 0.1)  # mean similarity of two objects' cells from which they are alike, and width
_QUERY_SAMPLES = 256  # cells of a mask that are enough to recognise it by
_FOREGROUND_SAMPLES = 1024  # cells of an object that are enough to know it by
_FRINGE = 0.1  # of a cell: with less of an object it counts as background
TWINS = 0.5  # so alike are look-alikes, which are not compared with each other
_BACKGROUND_STEP = 4  # every so many cells beside the object are compared with


@dataclass(frozen=True, slots=True)
class Samples:
    """Features of some cells of each of N objects: (N, K, D), and which are valid: (N, K) bool."""

    features: torch.Tensor
    valid: torch.Tensor


@dataclass(frozen=True, slots=True)
class Templates:
    """Samples of s8 features on each of N objects, and beside it, of a frame where it is known."""

    foreground: Samples
    background: Samples


def make_templates(
    s8: torch.Tensor, mask_probs: torch.Tensor, alike: torch.Tensor | None = None
) -> Templates:
    """Make templates of objects from (n, D) s8 features and their (N, n) ``mask_probs``.

    An object that fills no cell by half is sampled where its probability is highest. What objects
    that are ``alike``, (N, N) in [0, 1], have is not compared with: looks do not tell them apart.
    """
    threshold = mask_probs.amax(1, keepdim=True).clamp_max(0.5)
    foreground = (mask_probs >= threshold) & (mask_probs > 0)
    background = s8[::_BACKGROUND_STEP].expand(len(mask_probs), -1, -1)
    beside = mask_probs[:, ::_BACKGROUND_STEP]
    valid = beside < _FRINGE
    if alike is not None:
        near = mask_probs.view(len(mask_probs), -1, _BACKGROUND_STEP).amax(2)  # in quad order
        valid &= (alike >= TWINS).float() @ near < _FRINGE
    return Templates(sample(s8, foreground, _FOREGROUND_SAMPLES), Samples(background, valid))


def look_alikes(cells: Samples) -> torch.Tensor:
    """Tell how alike N objects are by their cells: (N, N) in [0, 1], 0 of an object and itself.

    Asks the device for numbers.
    """
    own = [every[valid] for every, valid in zip(cells.features, cells.valid, strict=True)]
    some = [rows[:: 1 + len(rows) // _QUERY_SAMPLES] for rows in own]
    counts = torch.tensor([len(rows) for rows in some], device=cells.valid.device)
    owner = torch.repeat_interleave(counts)
    likeness = cells.features.new_zeros((len(own), len(own)), dtype=torch.float32)
    for keys, sums in zip(some, likeness, strict=True):
        if len(keys):
            sums.index_add_(0, owner, (torch.cat(some) @ keys.T).amax(1).float())
    likeness /= counts.clamp_min(1)
    start, width = _ALIKE
    return (((likeness + likeness.T) / 2 - start) / width).clamp(0, 1).fill_diagonal_(0)


def sample(s8: torch.Tensor, masks: torch.Tensor, count: int = _QUERY_SAMPLES) -> Samples:
    """Sample at most ``count`` of the (n, D) features that (N, n) bool ``masks`` cover.

    Of a mask with more cells, every so many are sampled, evenly. The result is padded to ``count``
    samples.
    """
    rank = masks.cumsum(1) - 1
    step = (rank[:, -1:] // count).clamp_min(0) + 1
    kept = masks & (rank % step == 0)
    slots = torch.where(kept, rank // step, count)  # the rest goes to a slot behind the end
    cells = torch.arange(len(s8), device=s8.device).expand_as(slots)
    places = slots.new_zeros(len(masks), count + 1).scatter(1, slots, cells)[:, :count]
    valid = masks.new_zeros(len(masks), count + 1).scatter(1, slots, kept)[:, :count]
    return Samples(s8.index_select(0, places.flatten()).view(*places.shape, -1), valid)


def unpad(samples: Samples) -> Samples:
    """Leave out the padding behind the last valid sample of any object, to compute less."""
    longest = int(samples.valid.sum(1).amax()) if len(samples.valid) else 0
    return Samples(samples.features[:, :longest], samples.valid[:, :longest])


def recognised_fraction(query: Samples, templates: Iterable[Templates]) -> torch.Tensor:
    """Return the fraction of each object's samples that the best of its templates recognises: (N,).

    A sample is recognised if the most similar cell of the template lies on the object. Background,
    or a look-alike that the template's frame shows too, is most similar to itself there. In
    [0, 1], 0 without samples.
    """
    return torch.stack([_fraction(query, one) for one in templates]).amax(0)


def _fraction(query: Samples, template: Templates) -> torch.Tensor:
    nearer = _nearest(query, template.foreground) > _nearest(query, template.background)
    return (query.valid & nearer).sum(1) / query.valid.sum(1).clamp_min(1)


def _nearest(query: Samples, keys: Samples) -> torch.Tensor:
    """Return the similarity of the most similar key to each query: (N, K)."""
    if not keys.features.shape[1]:
        return query.features.new_full(query.valid.shape, EXCLUDED)
    invalid = (EXCLUDED * ~keys.valid[:, None]).to(keys.features.dtype)
    return torch.baddbmm(invalid, query.features, keys.features.transpose(1, 2)).amax(-1)
