"""Let objects and background compete for every pixel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ..structures import LabelMap, ObjectLogits


def compose(
    objects: ObjectLogits,
    *,
    size_hw: tuple[int, int],
    upsample: Callable[[torch.Tensor], torch.Tensor],
) -> LabelMap:
    """Give each pixel the id of the object with the highest logit, or 0 if none is above 0.

    ``upsample`` turns (1, 256, 256) logits into (1, H, W) at image size. Objects are taken one at
    a time, so that memory does not grow with their number; on a tie the lower id wins, as in an
    argmax over [0, logits_1 .. logits_K]. Returns (H, W) uint8.
    """
    device = objects.low_res_logits.device
    best = torch.zeros(size_hw, device=device)
    labels = torch.zeros(size_hw, dtype=torch.uint8, device=device)
    for row, (object_id, present) in enumerate(
        zip(objects.object_ids, objects.present, strict=True)
    ):
        if not present:
            continue
        logits = upsample(objects.low_res_logits[row : row + 1])[0].float()
        wins = logits > best
        best = torch.where(wins, logits, best)
        labels.masked_fill_(wins, object_id)
    return np.asarray(labels.cpu().numpy(), dtype=np.uint8)
