"""How alike the cells of a picture and those of a target's object are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .target import Target

_TOP_K = 8  # of the target's cells that each cell reads from
_TEMPERATURE = 0.05  # of the softmax over their similarities


@dataclass(frozen=True, slots=True)
class ObjectCells:
    """Cells of one object of a target, and of what is beside it, on the compute device.

    ``own`` (n, D) are on the object and ``other`` (m, D) are not; ``views`` says which of ``own``
    are of which reference; ``widths`` are those of the target's features.
    """

    own: torch.Tensor
    other: torch.Tensor
    views: tuple[slice, ...]
    widths: tuple[int, int, int]

    @property
    def mean(self) -> torch.Tensor:
        """The mean of the object's cells, (D,), of norm 1."""
        return F.normalize(self.own.mean(0), dim=0)

    @classmethod
    def of(cls, target: Target, column: int, device: torch.device) -> ObjectCells:
        """Gather the cells of the object whose coverage is in ``column``."""
        nothing = torch.zeros(1, sum(target.feature_widths)).half()  # is like nothing
        own, other = list[torch.Tensor](), [nothing]  # a picture may have nothing beside the object
        views, start = list[slice](), 0
        for one in target.references:
            coverage = one.objects.coverage[:, column]
            threshold = coverage.max().clamp(1e-3, 0.5) if len(coverage) else 0.5
            on = coverage >= threshold
            count = int(on.sum())
            if count:
                own.append(one.objects.features[on])
                views.append(slice(start, start + count))
                start += count
            other += [one.objects.features[coverage == 0], one.background.features]
        mine, beside = (torch.cat(part).float().to(device) for part in (own, other))
        return cls(mine, beside, tuple(views), target.feature_widths)


@dataclass(frozen=True, slots=True)
class Likeness:
    """Similarities of the Q cells of a picture with an object and with what is beside it.

    ``own`` (Q, n), ``other`` (Q,) the highest; ``probs`` (Q,) in [0, 1] how much of the object the
    most similar cells of the target show.
    """

    own: torch.Tensor
    other: torch.Tensor
    probs: torch.Tensor


def compare(cells: torch.Tensor, wanted: ObjectCells, inside: torch.Tensor) -> Likeness:
    """Compare (Q, D) cells with an object; those that are not ``inside`` the picture are not it."""
    own, other = cells @ wanted.own.T, cells @ wanted.other.T
    every = torch.cat([own, other], dim=1)
    best, places = every.topk(min(_TOP_K, every.shape[1]), dim=1)
    weights = (best / _TEMPERATURE).softmax(1)
    probs = (weights * (places < own.shape[1])).sum(1) * inside
    return Likeness(own, other.amax(1), probs)
