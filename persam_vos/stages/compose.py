"""Let objects and background compete for every pixel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from ..structures import LabelMap, ObjectLogits, ScaledLogits


def compose(
    scaled: Iterable[ScaledLogits], size_hw: tuple[int, int], device: torch.device
) -> LabelMap:
    """Give each pixel the id of the object with the highest logit, or 0 if none is above 0.

    Objects are taken one at a time, so that memory does not grow with their number; on a tie the
    first wins, as in an argmax over [0, logits_1 .. logits_K]. Returns (H, W) uint8.
    """
    best = torch.zeros(size_hw, device=device)
    labels = torch.zeros(size_hw, dtype=torch.uint8, device=device)
    for one in scaled:
        there = best[one.rows, one.columns]
        wins = one.logits > there
        best[one.rows, one.columns] = torch.where(wins, one.logits, there)
        labels[one.rows, one.columns].masked_fill_(wins, one.object_id)
    return np.asarray(labels.cpu().numpy(), dtype=np.uint8)


def scale(
    objects: ObjectLogits, weights: tuple[torch.Tensor, torch.Tensor]
) -> Iterator[ScaledLogits]:
    """Scale the logits of what is present to the picture, one object at a time, where it is.

    ``weights`` are those of `Geometry.logit_weights`, (H, h) and (W, w). Time does not grow with
    what is not there.
    """
    by_row, by_column = weights
    inside = objects.low_res_logits > 0
    touched_rows = (inside.any(2).float() @ by_row.T > 0).cpu()  # (N, H)
    touched_columns = (inside.any(1).float() @ by_column.T > 0).cpu()  # (N, W)
    for index, object_id in enumerate(objects.object_ids):
        rows, columns = _extent(touched_rows[index]), _extent(touched_columns[index])
        if objects.present[index] and rows is not None and columns is not None:
            low_res = objects.low_res_logits[index].float()
            logits = by_row[rows] @ low_res @ by_column[columns].T
            yield ScaledLogits(object_id, rows, columns, logits)


def _extent(marks: torch.Tensor) -> slice | None:
    """Return the slice from the first to the last mark of (n,) bool, None without any."""
    places = marks.nonzero()
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else None
