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

    If the masks are ``of_probs``, the background has what the objects leave, and 0 wins only if
    that is the most: where two objects touch, neither needs one half. Objects are taken as
    they come, so that memory does not grow with their number; on a tie the first wins, as in an
    argmax over [0, logits_1 .. logits_K]. Returns (H, W) uint8 on ``device``.
    """
    best = torch.zeros(size_hw, device=device)
    taken = torch.zeros(size_hw, device=device)
    labels = torch.zeros(size_hw, dtype=torch.uint8, device=device)
    for some in scaled:
        where = (some.rows, some.columns)
        there, drawn = best[where], labels[where]
        values, winner = some.values.max(0)
        wins = values > there
        there.copy_(torch.where(wins, values, there))
        drawn.copy_(torch.where(wins, some.object_ids[winner], drawn))
        if of_probs:
            taken[where] += some.values.clamp_min(0).sum(0)
    if of_probs:
        labels.masked_fill_(best <= 1 - taken, 0)
    return labels


def scale(
    objects: ObjectLogits, weights: tuple[torch.Tensor, torch.Tensor]
) -> Iterator[ScaledMasks]:
    """Scale the logits of what is present to the picture, one object at a time, where it is.

    ``weights`` are those of `Geometry.logit_weights`, (H, h) and (W, w). Time does not grow with
    what is not there.
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


def _extent(marks: torch.Tensor) -> slice | None:
    """Return the slice from the first to the last mark of (n,) bool, None without any."""
    places = marks.nonzero()
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else None
