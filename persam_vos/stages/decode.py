"""Decode masks from prompts: one pass, or the paper's cascade, for all objects in one batch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import torch

from ..geometry import LOGIT_CELL, extents
from ..runtime.device import Compute
from ..runtime.oom_batcher import OomBatcher
from ..runtime.timer import StageTimer
from ..sam.build import SamNetwork
from ..structures import MaskCandidates, Prompts

_OBJECTS_AT_ONCE = 16  # about 100 MB of activations each on the square; bounds the memory


@dataclass(frozen=True, slots=True)
class Decoder:
    """The mask decoder on one device; ``decoder(features, prompts)`` decodes all objects."""

    network: SamNetwork
    compute: Compute
    timer: StageTimer = field(default_factory=StageTimer)
    batcher: OomBatcher = field(default_factory=partial(OomBatcher, _OBJECTS_AT_ONCE))

    @torch.inference_mode()
    def __call__(
        self, features: torch.Tensor, prompts: Prompts, positions: torch.Tensor | None = None
    ) -> MaskCandidates:
        """Decode N objects on one frame, as many at once as ``batcher`` says; float32 results.

        ``features`` are (1, C, h, w) of the whole picture; or, with their ``positions``, (N, C, h,
        w) of a window for each object. Raises PersamVosError when there is no memory for one
        object alone.
        """

        def decode(rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
            some = features if positions is None else features[rows]
            places = None if positions is None else positions[rows]
            with self.timer.part("decode"):
                found = self.network.decode(some, prompts.rows(rows), places)
            return found.low_res_logits, found.predicted_iou

        count = len(prompts.points_xy)
        return MaskCandidates(*self.batcher.run(count, decode, self.compute, "object to decode"))


def best_scale(candidates: MaskCandidates) -> tuple[torch.Tensor, torch.Tensor]:
    """Keep the scale with the highest predicted IoU of each object.

    Returns logits (N, 256, 256) and predicted IoU (N,).
    """
    scores, index = candidates.predicted_iou[:, 1:].max(dim=1)
    rows = torch.arange(len(index), device=index.device)
    return candidates.low_res_logits[rows, index + 1], scores


def mixed_scales(candidates: MaskCandidates, weights: torch.Tensor) -> torch.Tensor:
    """Mix the three scales by the (N, 3) weights of PerSAM-F; returns logits (N, 256, 256).

    An empty mix is replaced by the scale with the highest predicted IoU, as in the upstream
    programs.
    """
    mixed = torch.einsum("nk,nkhw->nhw", weights, candidates.low_res_logits[:, 1:])
    empty = (mixed <= 0).flatten(1).all(1)
    return torch.where(empty[:, None, None], best_scale(candidates)[0], mixed)


def logit_boxes(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Box the positive part of (N, h, w) logits, whose first lies at the top left of the input.

    Returns (N, 4) float xyxy in input pixels, and (N,) bool: whether there is anything to box.
    Stays on the device.
    """
    inside = logits > 0
    top, bottom, left, right = (LOGIT_CELL * extents(inside)).unbind(1)
    boxes = torch.stack([left, top, right - 1, bottom - 1], dim=1)
    return boxes.float(), inside.flatten(1).any(1)


def with_boxes(prompts: Prompts, boxes: torch.Tensor, valid: torch.Tensor) -> Prompts:
    """Append (N, 4) boxes as two corner tokens; objects without one get SAM's padding point."""
    corners = boxes.reshape(-1, 2, 2)
    corner = torch.arange(2, device=boxes.device)
    labels = torch.where(valid[:, None], 2 + corner, -1 - corner)  # -2 is no token at all
    return replace(
        prompts,
        points_xy=torch.cat([prompts.points_xy, corners], dim=1),
        point_labels=torch.cat([prompts.point_labels, labels], dim=1),
    )


def refine(
    decoder: Decoder, features: torch.Tensor, points: Prompts, logits: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Decode once more with the last masks and their boxes as prompts (cascaded refinement).

    ``points`` holds the point tokens only; ``logits`` is (N, 256, 256). Returns the best scale's
    logits (N, 256, 256) and predicted IoU (N,).
    """
    boxes, valid = logit_boxes(logits)
    prompts = with_boxes(points, boxes, valid)
    return best_scale(decoder(features, replace(prompts, dense_logits=logits[:, None])))
