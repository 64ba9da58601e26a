"""Two ways to compute the same: what is needed (sparse), or all of it in static shapes (dense).

On a CPU the amount of work counts: what is far from every object is left out. On a GPU launches
count, and a step is captured as a graph: shapes may not depend on the picture, and the host may not
read a number from the device. So everything is computed, and what is not needed is discarded. The
strategy is chosen once for a clip.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from ...geometry import LOGIT_CELL, PATCH, extents
from ...stages import prompts
from ...stages.decode import Decoder
from ...stages.windowed_decode import windowed_decode
from ...structures import MaskCandidates, Prompts
from .candidate_search import CandidateSearch, DenseCandidateSearch
from .memory_bank import MemoryBank, StaticMemoryBank
from .templates import Samples, unpad

_ROUNDS = 20  # in which cells learn of their component: parts double in each, or more
_SOLID = 0.25  # of an s16 cell: what fills less may be a small fragment

Chosen = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Logits (N, 4h, 4w), their predicted IoU (N,), their agreement with the memory (N,), and the
largest logits of the candidates that may offer new parts (N, 4h, 4w)."""


class Strategy(Protocol):
    """What differs between sparse and dense computing."""

    @property
    def static_shapes(self) -> bool:
        """Whether no shape depends on what is seen."""

    @property
    def bank_type(self) -> type[MemoryBank]:
        """What kind of memory bank a clip has."""

    def new_search(self, grid_hw: tuple[int, int], device: torch.device) -> CandidateSearch:
        """Make a clip's candidate search."""

    def any(self, mask: torch.Tensor) -> bool:
        """Tell whether the work for the objects of an (N,) ``mask`` has to be done."""

    def select(self, mask: torch.Tensor) -> torch.Tensor:
        """Return the indices of the rows to compute, by an (n,) bool ``mask``: (Q,) int64."""

    def keep(self, mask: torch.Tensor, *parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Keep the rows of (Q, ...) tensors that (Q,) ``mask`` is true for, or all of them."""

    def put(
        self, table: torch.Tensor, columns: torch.Tensor, new: torch.Tensor, mask: torch.Tensor
    ) -> None:
        """Write ``new``, (N, B), to some columns of an (N, n) table, where (B,) ``mask`` is true.

        ``columns``, ``new`` and ``mask`` have been through `keep`.
        """

    def unpad(self, samples: Samples) -> Samples:
        """Leave out the padding of samples, if shapes may change."""

    def inner_points(self, masks: torch.Tensor) -> torch.Tensor:
        """Return a point deep inside each (N, h, w) mask, none of them empty: (N, 2) xy."""

    def components(self, masks: torch.Tensor) -> torch.Tensor:
        """Number the 8-connected components of (N, H, W) masks: int64 of that shape, 0 outside.

        A component's number is 1 + the largest index of its cells, in raster order.
        """

    def distances(self, masks: torch.Tensor, most: int) -> torch.Tensor:
        """Measure how many cells, diagonally too, lead to each (N, H, W) mask: int64, at most one
        more than ``most``.
        """

    def decode(
        self, decoder: Decoder, features: torch.Tensor, prompted: Prompts, logits: torch.Tensor
    ) -> MaskCandidates:
        """Decode (N, 4h, 4w) ``logits`` that are prompts already, on (1, C, h, w) features."""

    def choose(
        self,
        mask: torch.Tensor,
        logits: torch.Tensor,
        trusted: torch.Tensor,
        compute: Callable[[torch.Tensor, torch.Tensor], Chosen],
    ) -> Chosen:
        """Do ``compute`` for (N, 4h, 4w) logits and what is ``trusted``, (N, K), of candidates.

        Where (N,) ``mask`` is true; others keep their logits, and offer no more.
        """


class SparseStrategy:
    """Leave out what is not needed."""

    static_shapes = False
    bank_type = MemoryBank

    def new_search(self, grid_hw: tuple[int, int], device: torch.device) -> CandidateSearch:
        """Make a clip's candidate search."""
        return CandidateSearch(grid_hw, device)

    def any(self, mask: torch.Tensor) -> bool:
        """Tell whether the mask is true anywhere."""
        return bool(mask.any())

    def select(self, mask: torch.Tensor) -> torch.Tensor:
        """Return the indices where the mask is true: (Q,)."""
        return mask.nonzero()[:, 0]

    def keep(self, mask: torch.Tensor, *parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Keep the rows of (Q, ...) tensors for which the mask is true."""
        return tuple(part[mask] for part in parts)

    def put(
        self, table: torch.Tensor, columns: torch.Tensor, new: torch.Tensor, mask: torch.Tensor
    ) -> None:
        """Write ``new`` to some columns of a table; `keep` left only those of the mask."""
        del mask
        table[:, columns] = new

    def unpad(self, samples: Samples) -> Samples:
        """Leave out the padding of samples."""
        return unpad(samples)

    def inner_points(self, masks: torch.Tensor) -> torch.Tensor:
        """Return the pixel of each (N, h, w) mask that is deepest inside: (N, 2) xy."""
        points = [prompts.inner_point(mask) for mask in masks.cpu().numpy()]
        return torch.tensor(points, device=masks.device)

    def components(self, masks: torch.Tensor) -> torch.Tensor:
        """Number the components of (N, H, W) masks, each by its last cell."""
        numbers = np.zeros(masks.shape, np.int64)
        for mask, own in zip(masks.cpu().numpy(), numbers, strict=True):
            count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
            last = np.zeros(count, np.int64)
            last[labels.ravel()] = np.arange(1, labels.size + 1)  # of equal indices the last holds
            last[0] = 0
            own[:] = last[labels]
        return torch.from_numpy(numbers).to(masks.device)

    def distances(self, masks: torch.Tensor, most: int) -> torch.Tensor:
        """Measure how far it is to each (N, H, W) mask."""
        found = [
            cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_C, cv2.DIST_MASK_3)
            if mask.any()
            else np.full(mask.shape, most + 1.0, np.float32)
            for mask in masks.cpu().numpy()
        ]
        rounded = torch.from_numpy(np.stack(found)).round().long()
        return rounded.clamp_max(most + 1).to(masks.device)

    def decode(
        self, decoder: Decoder, features: torch.Tensor, prompted: Prompts, logits: torch.Tensor
    ) -> MaskCandidates:
        """Decode each object in a window round its mask."""
        height, width = features.shape[-2:]
        positions = decoder.network.grid_positions((height, width))
        return windowed_decode(decoder, features, positions, prompted, solid_boxes(logits))

    def choose(
        self,
        mask: torch.Tensor,
        logits: torch.Tensor,
        trusted: torch.Tensor,
        compute: Callable[[torch.Tensor, torch.Tensor], Chosen],
    ) -> Chosen:
        """Do ``compute`` for the (N, 4h, 4w) logits of the mask alone."""
        best, offer = logits.clone(), logits.clone()
        iou, agreement = logits.new_zeros(2, len(logits))
        if mask.any():
            found = compute(logits[mask], trusted[mask])
            best[mask], iou[mask], agreement[mask], offer[mask] = found
        return best, iou, agreement, offer


class DenseStrategy:
    """Compute all of it, in static shapes."""

    static_shapes = True
    bank_type = StaticMemoryBank

    def new_search(self, grid_hw: tuple[int, int], device: torch.device) -> CandidateSearch:
        """Make a clip's candidate search."""
        return DenseCandidateSearch(grid_hw, device)

    def any(self, mask: torch.Tensor) -> bool:  # noqa: ARG002 - see Strategy
        """Do the work: the host does not know what the mask holds."""
        return True

    def select(self, mask: torch.Tensor) -> torch.Tensor:
        """Return all indices."""
        return torch.arange(len(mask), device=mask.device)

    def keep(self, mask: torch.Tensor, *parts: torch.Tensor) -> tuple[torch.Tensor, ...]:  # noqa: ARG002
        """Keep everything."""
        return parts

    def put(
        self, table: torch.Tensor, columns: torch.Tensor, new: torch.Tensor, mask: torch.Tensor
    ) -> None:
        """Write ``new`` to some columns of a table, where the mask is true."""
        table[:, columns] = torch.where(mask, new, table.index_select(1, columns))

    def unpad(self, samples: Samples) -> Samples:
        """Keep the padding."""
        return samples

    def inner_points(self, masks: torch.Tensor) -> torch.Tensor:
        """Return the pixel of each (N, h, w) mask that is deepest inside: (N, 2) xy."""
        return prompts.inner_points(masks)

    def components(self, masks: torch.Tensor) -> torch.Tensor:
        """Number the components of (N, H, W) masks, each by its last cell.

        A number is the place of another cell of the component. In each round a cell takes the
        largest number of its neighbours, tells it to the cell that its own number names, and takes
        the one which that has then: parts that touch join, so that few rounds do for any shape.
        """
        inside, count = masks.flatten(1).float(), masks[0].numel()
        numbers = inside * torch.arange(1, count + 1, device=masks.device)
        for _ in range(_ROUNDS):
            known = (numbers.long() - 1).clamp_min(0)
            grid = numbers.view(masks.shape)
            largest = F.max_pool2d(grid, 3, stride=1, padding=1).flatten(1) * inside
            told = largest.scatter_reduce(1, known, largest, "amax")
            numbers = told.gather(1, known).maximum(largest) * inside
        return numbers.view(masks.shape).long()

    def distances(self, masks: torch.Tensor, most: int) -> torch.Tensor:
        """Measure how far it is to each (N, H, W) mask, by growing it."""
        grown = masks.float()
        distance = most + 1 - grown
        for _ in range(most):
            grown = F.max_pool2d(grown, 3, stride=1, padding=1)
            distance = distance - grown
        return distance.long()

    def decode(
        self,
        decoder: Decoder,
        features: torch.Tensor,
        prompted: Prompts,
        logits: torch.Tensor,  # noqa: ARG002 - see Strategy
    ) -> MaskCandidates:
        """Decode each object on the whole picture."""
        return decoder(features, prompted)

    def choose(
        self,
        mask: torch.Tensor,
        logits: torch.Tensor,
        trusted: torch.Tensor,
        compute: Callable[[torch.Tensor, torch.Tensor], Chosen],
    ) -> Chosen:
        """Do ``compute`` for all (N, 4h, 4w) logits, and use it where the mask is true."""
        best, iou, agreement, offer = compute(logits, trusted)
        best, offer = (torch.where(mask[:, None, None], part, logits) for part in (best, offer))
        return best, iou * mask, agreement * mask, offer


def solid_boxes(logits: torch.Tensor) -> torch.Tensor:
    """Box the s16 cells that (N, 4h, 4w) masks fill by a quarter: (N, 4) xyxy in input pixels.

    Or those that they fill most, if none. This leaves out small fragments far away: without them
    windows are half as large.
    """
    coverage = F.avg_pool2d((logits > 0).float(), PATCH // LOGIT_CELL)
    threshold = coverage.amax((1, 2), keepdim=True).clamp_max(_SOLID)  # of (N, h, w)
    return extents((coverage >= threshold) & (coverage > 0))[:, [2, 0, 3, 1]].float() * PATCH
