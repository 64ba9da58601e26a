"""Two ways to compute the same: what is needed (sparse), or all of it in static shapes (dense).

On a CPU work counts: what no object is near is left out. On a GPU launches count, and a step is
captured as a graph, so that no shape may depend on what is seen, and nothing may ask the device for
a number: all is computed, and what is not needed is thrown away. A clip's method chooses once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F

from ...geometry import LOGIT_CELL, PATCH, extents
from ...stages import prompts
from ...stages.decode import Decoder
from ...stages.windowed_decode import windowed_decode
from ...structures import MaskCandidates, Prompts
from .candidate_search import CandidateSearch, DenseCandidateSearch
from .features import FrameFeatures
from .memory_bank import MemoryBank, StaticMemoryBank
from .templates import Samples, unpad

_SOLID = 0.25  # of an s16 cell: where an object fills less, it may be a crumb

Chosen = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Logits (N, 4h, 4w), their predicted IoU (N,) and their agreement with the memory (N,)."""


class Strategy(Protocol):
    """What differs between the two ways."""

    @property
    def static_shapes(self) -> bool:
        """Whether no shape depends on what is seen."""

    def new_bank(self, features: FrameFeatures, channels: int) -> MemoryBank:
        """Make an empty memory bank for a clip."""

    def new_search(self, grid_hw: tuple[int, int], device: torch.device) -> CandidateSearch:
        """Make a clip's candidate search."""

    def any(self, marks: torch.Tensor) -> bool:
        """Tell whether it is worth to go on for what is marked."""

    def select(self, marks: torch.Tensor) -> torch.Tensor:
        """Return the indices that are computed for (n,) marks: (Q,)."""

    def keep(self, marks: torch.Tensor, *parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Keep the marked rows of (Q, ...) tensors that are computed, or all of them."""

    def put(
        self, table: torch.Tensor, columns: torch.Tensor, new: torch.Tensor, marks: torch.Tensor
    ) -> None:
        """Write ``new``, (N, B), to some columns of an (N, n) table, where (B,) ``marks`` say so.

        They have been through `keep`.
        """

    def unpad(self, samples: Samples) -> Samples:
        """Leave out padding of samples, if that may be."""

    def inner_points(self, masks: torch.Tensor) -> torch.Tensor:
        """Return a point deep inside each (N, h, w) mask, none of them empty: (N, 2) xy."""

    def decode(
        self, decoder: Decoder, features: torch.Tensor, prompted: Prompts, logits: torch.Tensor
    ) -> MaskCandidates:
        """Decode (N, 4h, 4w) ``logits`` that are prompts already, on (1, C, h, w) features."""

    def choose(
        self,
        marks: torch.Tensor,
        logits: torch.Tensor,
        compute: Callable[[torch.Tensor], Chosen],
    ) -> Chosen:
        """Do ``compute`` for the marked ones of (N, 4h, 4w) logits; the others keep theirs."""


class SparseStrategy:
    """Leave out what is not needed."""

    static_shapes = False

    def new_bank(self, features: FrameFeatures, channels: int) -> MemoryBank:
        """Make an empty memory bank for a clip."""
        return MemoryBank.new(features, channels)

    def new_search(self, grid_hw: tuple[int, int], device: torch.device) -> CandidateSearch:
        """Make a clip's candidate search."""
        return CandidateSearch(grid_hw, device)

    def any(self, marks: torch.Tensor) -> bool:
        """Tell whether anything is marked."""
        return bool(marks.any())

    def select(self, marks: torch.Tensor) -> torch.Tensor:
        """Return the indices of the marks: (Q,)."""
        return marks.nonzero()[:, 0]

    def keep(self, marks: torch.Tensor, *parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Keep the marked rows of (Q, ...) tensors."""
        return tuple(part[marks] for part in parts)

    def put(
        self, table: torch.Tensor, columns: torch.Tensor, new: torch.Tensor, marks: torch.Tensor
    ) -> None:
        """Write ``new`` to some columns of a table; what is kept is marked."""
        del marks
        table[:, columns] = new

    def unpad(self, samples: Samples) -> Samples:
        """Leave out the padding of samples."""
        return unpad(samples)

    def inner_points(self, masks: torch.Tensor) -> torch.Tensor:
        """Return the pixel of each (N, h, w) mask that is deepest inside: (N, 2) xy."""
        points = [prompts.inner_point(mask) for mask in masks.cpu().numpy()]
        return torch.tensor(points, device=masks.device)

    def decode(
        self, decoder: Decoder, features: torch.Tensor, prompted: Prompts, logits: torch.Tensor
    ) -> MaskCandidates:
        """Decode each object in a window round its mask."""
        height, width = features.shape[-2:]
        positions = decoder.network.grid_positions((height, width))
        return windowed_decode(decoder, features, positions, prompted, solid_boxes(logits))

    def choose(
        self,
        marks: torch.Tensor,
        logits: torch.Tensor,
        compute: Callable[[torch.Tensor], Chosen],
    ) -> Chosen:
        """Do ``compute`` for the marked ones of (N, 4h, 4w) logits alone."""
        best = logits.clone()
        iou, agreement = logits.new_zeros(2, len(logits))
        if marks.any():
            best[marks], iou[marks], agreement[marks] = compute(logits[marks])
        return best, iou, agreement


class DenseStrategy:
    """Compute all of it, in static shapes."""

    static_shapes = True

    def new_bank(self, features: FrameFeatures, channels: int) -> MemoryBank:
        """Make an empty memory bank for a clip."""
        return StaticMemoryBank.new(features, channels)

    def new_search(self, grid_hw: tuple[int, int], device: torch.device) -> CandidateSearch:
        """Make a clip's candidate search."""
        return DenseCandidateSearch(grid_hw, device)

    def any(self, marks: torch.Tensor) -> bool:  # noqa: ARG002 - see Strategy
        """Go on: nobody knows what is marked."""
        return True

    def select(self, marks: torch.Tensor) -> torch.Tensor:
        """Return all indices."""
        return torch.arange(len(marks), device=marks.device)

    def keep(self, marks: torch.Tensor, *parts: torch.Tensor) -> tuple[torch.Tensor, ...]:  # noqa: ARG002
        """Keep everything."""
        return parts

    def put(
        self, table: torch.Tensor, columns: torch.Tensor, new: torch.Tensor, marks: torch.Tensor
    ) -> None:
        """Write ``new`` to the marked ones of some columns of a table."""
        table[:, columns] = torch.where(marks, new, table.index_select(1, columns))

    def unpad(self, samples: Samples) -> Samples:
        """Leave the padding where it is."""
        return samples

    def inner_points(self, masks: torch.Tensor) -> torch.Tensor:
        """Return the pixel of each (N, h, w) mask that is deepest inside: (N, 2) xy."""
        return prompts.inner_points(masks)

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
        marks: torch.Tensor,
        logits: torch.Tensor,
        compute: Callable[[torch.Tensor], Chosen],
    ) -> Chosen:
        """Do ``compute`` for all (N, 4h, 4w) logits, and keep what is marked of it."""
        best, iou, agreement = compute(logits)
        return torch.where(marks[:, None, None], best, logits), iou * marks, agreement * marks


def solid_boxes(logits: torch.Tensor) -> torch.Tensor:
    """Box the s16 cells that (N, 4h, 4w) masks fill as far as any: (N, 4) xyxy in input pixels.

    Crumbs far away leave no trace: without them windows are half as large.
    """
    coverage = F.avg_pool2d((logits > 0).float(), PATCH // LOGIT_CELL)
    least = coverage.amax((1, 2), keepdim=True).clamp_max(_SOLID)  # of (N, h, w)
    return extents((coverage >= least) & (coverage > 0))[:, [2, 0, 3, 1]].float() * PATCH
