"""Let objects and background compete for every pixel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from ..structures import ObjectLogits, ScaledMasks


def compose(
    scaled: Iterable[ScaledMasks],
    size_hw: tuple[int, int],
    device: torch.device,
    *,
    of_probs: bool = False,
) -> torch.Tensor:
    """Give each pixel the id of the object with the highest logit, or 0 if none is above 0.

    If the masks are probabilities (``of_probs``), the background's is 1 minus the sum of the
    objects', and the most probable wins: where two objects touch, neither needs one half. Objects
    are processed one by one, so that memory does not grow with their number; on a tie the first
    wins, as in an argmax over [0, logits_1 .. logits_K]. Returns (H, W) uint8 on ``device``.
    """
    best = torch.zeros(size_hw, device=device)
    total = torch.zeros(size_hw, device=device)
    labels = torch.zeros(size_hw, dtype=torch.uint8, device=device)
    for some in scaled:
        where = (some.rows, some.columns)
        highest, drawn = best[where], labels[where]
        values, winner = some.values.max(0)
        wins = values > highest
        highest.copy_(torch.where(wins, values, highest))
        drawn.copy_(torch.where(wins, some.object_ids[winner], drawn))
        if of_probs:
            total[where] += some.values.clamp_min(0).sum(0)
    if of_probs:
        labels.masked_fill_(best <= 1 - total, 0)
    return labels


def scale(
    objects: ObjectLogits, weights: tuple[torch.Tensor, torch.Tensor]
) -> Iterator[ScaledMasks]:
    """Scale the logits of present objects to the picture, each within its extent.

    ``weights`` are those of `Geometry.logit_weights`, (H, h) and (W, w). Absent objects take no
    time.
    """
    by_row, by_column = weights
    inside = objects.low_res_logits > 0
    touched_rows = (inside.any(2).float() @ by_row.T > 0).cpu()  # (N, H)
    touched_columns = (inside.any(1).float() @ by_column.T > 0).cpu()  # (N, W)
    for index, present in enumerate(objects.present.tolist()):
        rows, columns = _extent(touched_rows[index]), _extent(touched_columns[index])
        if present and rows is not None and columns is not None:
            low_res = objects.low_res_logits[index : index + 1].float()
            logits = by_row[rows] @ low_res @ by_column[columns].T
            yield ScaledMasks(objects.object_ids[index : index + 1], rows, columns, logits)


def _extent(mask: torch.Tensor) -> slice | None:
    """Return the slice from the first to the last true one of (n,) bool, None without any."""
    places = mask.nonzero()
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else None
