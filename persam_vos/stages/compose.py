"""Let objects and background compete for every pixel."""

from __future__ import annotations

import numpy as np
import torch

from ..structures import LabelMap, ObjectLogits


def compose(objects: ObjectLogits, weights: tuple[torch.Tensor, torch.Tensor]) -> LabelMap:
    """Give each pixel the id of the object with the highest logit, or 0 if none is above 0.

    ``weights`` are those of `Geometry.logit_weights`, (H, h) and (W, w). Objects are taken one at a
    time, and scaled only where they can have a pixel, so that neither memory nor time grow with
    what is not there; on a tie the lower id wins, as in an argmax over [0, logits_1 .. logits_K].
    Returns (H, W) uint8.
    """
    by_row, by_column = weights
    low_res = objects.low_res_logits
    size_hw = (len(by_row), len(by_column))
    best = torch.zeros(size_hw, device=low_res.device)
    labels = torch.zeros(size_hw, dtype=torch.uint8, device=low_res.device)
    inside = low_res > 0
    touched_rows = (inside.any(2).float() @ by_row.T > 0).cpu()  # (N, H)
    touched_columns = (inside.any(1).float() @ by_column.T > 0).cpu()  # (N, W)
    for index, (object_id, present) in enumerate(
        zip(objects.object_ids, objects.present, strict=True)
    ):
        rows, columns = _extent(touched_rows[index]), _extent(touched_columns[index])
        if not present or rows is None or columns is None:
            continue
        logits = by_row[rows] @ low_res[index].float() @ by_column[columns].T
        wins = logits > best[rows, columns]
        best[rows, columns] = torch.where(wins, logits, best[rows, columns])
        labels[rows, columns].masked_fill_(wins, object_id)
    return np.asarray(labels.cpu().numpy(), dtype=np.uint8)


def _extent(marks: torch.Tensor) -> slice | None:
    """Return the slice from the first to the last mark of (n,) bool, None without any."""
    places = marks.nonzero()
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else None
