"""Propose masks of an object: SAM decodes what the likeness of a picture's cells points at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import torch
import torch.nn.functional as F

from ..stages import decode, mask_selection, prompts
from ..structures import Encoded, Prompts
from .appearance import Likeness, ObjectCells
from .describe import boxed
from .features import S8_CELL

_REGIONS = 2  # of cells that look like the object, the largest, are decoded
_REACH = 4  # cells round a region that its mask prompt keeps
_MIN_PROB = 0.01  # of a cell in a mask prompt
_DENSE_GAIN = 1.5  # from log-odds to the mask prompt, whose logits are larger
_VOTE_REACH = 4  # cells round a cell whose votes count together


@dataclass(frozen=True, slots=True)
class Proposals:
    """Mask logits (K, 4h, 4w) for one object on one frame, and their predicted IoU (K,)."""

    logits: torch.Tensor
    predicted_iou: torch.Tensor


def propose(
    decoder: decode.Decoder,
    encoded: Encoded,
    cells: torch.Tensor,
    wanted: ObjectCells,
    likeness: Likeness,
    scale_weights: torch.Tensor,
) -> Proposals:
    """Decode regions that look like the object, and the points that look most like it.

    ``cells`` (2h, 2w, D) are the frame's features; ``scale_weights`` (3,). Masks that are empty are
    left out.
    """
    grid_hw = (cells.shape[0], cells.shape[1])
    points = matched_points(cells, wanted, likeness)
    logits, iou = _candidates(decoder, encoded.features, points, scale_weights)
    parts = [(logits, iou)]
    readout = _regions(likeness.probs.view(grid_hw))
    if len(readout):
        prompted = replace(boxed(readout > 0), dense_logits=_DENSE_GAIN * readout[:, None])
        first = _candidates(decoder, encoded.features, prompted, scale_weights)
        best, _, _ = mask_selection.best_candidate(*_per_region(first, len(readout)), readout)
        again = replace(
            decode.with_boxes(_inside(prompted), *decode.logit_boxes(best)),
            dense_logits=best[:, None],
        )
        parts += [first, _candidates(decoder, encoded.features, again, scale_weights)]
    all_logits, all_iou = (torch.cat(part) for part in zip(*parts, strict=True))
    drawn = (all_logits > 0).flatten(1).any(1)
    return Proposals(all_logits[drawn], all_iou[drawn])


def _candidates(
    decoder: decode.Decoder, features: torch.Tensor, prompted: Prompts, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Decode N prompts to masks of five kinds: SAM's single one, its scales, and PerSAM-F's mix.

    Returns logits (5 N, 4h, 4w) and predicted IoU (5 N,), of one prompt after the other.
    """
    found = decoder(features, prompted)
    mixed = torch.einsum("k,nkhw->nhw", weights, found.low_res_logits[:, 1:])
    mixed_iou = found.predicted_iou[:, 1:] @ weights
    logits = torch.cat([found.low_res_logits, mixed[:, None]], dim=1)
    return logits.flatten(0, 1), torch.cat([found.predicted_iou, mixed_iou[:, None]], 1).flatten()


def _per_region(
    candidates: tuple[torch.Tensor, torch.Tensor], regions: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Put the candidates of each region beside each other: (R, 5, 4h, 4w) and (R, 5)."""
    logits, iou = candidates
    return logits.view(regions, -1, *logits.shape[1:]), iou.view(regions, -1)


def _inside(prompted: Prompts) -> Prompts:
    """Keep the points of boxed prompts, without their boxes."""
    return Prompts(prompted.points_xy[:, :1], prompted.point_labels[:, :1])


def _regions(probs: torch.Tensor) -> torch.Tensor:
    """Make log-odds (R, 4h, 4w) of each of the largest regions of (2h, 2w) probabilities."""
    smooth = F.avg_pool2d(probs[None, None], 3, stride=1, padding=1, count_include_pad=False)
    count, labels = cv2.connectedComponents((smooth[0, 0] > 0.5).byte().cpu().numpy())
    regions = torch.from_numpy(labels).to(probs.device) == torch.arange(
        1, count, device=probs.device
    ).view(-1, 1, 1)
    sizes = (regions * probs).sum((1, 2))
    largest = sizes.topk(min(_REGIONS, len(sizes))).indices
    near = F.max_pool2d(regions[largest].float()[:, None], 2 * _REACH + 1, 1, _REACH)[:, 0] > 0
    kept = torch.where(near, probs, _MIN_PROB).clamp(_MIN_PROB, 1 - _MIN_PROB)
    size = (2 * probs.shape[0], 2 * probs.shape[1])
    logits = F.interpolate(torch.logit(kept)[:, None], size, mode="bilinear", align_corners=False)[
        :, 0
    ]
    return logits[(logits > 0).flatten(1).any(1)]


def matched_points(cells: torch.Tensor, wanted: ObjectCells, likeness: Likeness) -> Prompts:
    """Prompt with two points: where the object's cells find their match, and its mean does."""
    height, width = cells.shape[:2]
    best, places = likeness.own.max(0)
    ground = (wanted.own @ wanted.other.T).amax(1)
    gain = (best - ground).clamp_min(0) + 0.02  # a match no better than background counts little
    votes = torch.zeros(height * width, device=cells.device).index_add_(0, places, gain)
    near = F.avg_pool2d(
        votes.view(1, 1, height, width), 2 * _VOTE_REACH + 1, stride=1, padding=_VOTE_REACH
    )[0, 0]
    alike = cells @ wanted.mean
    peak = near.argmax()
    y, x = peak // width, peak % width
    rows, columns = (torch.arange(side, device=cells.device) for side in (height, width))
    close = ((rows - y).abs() <= _VOTE_REACH)[:, None] & ((columns - x).abs() <= _VOTE_REACH)
    margin = likeness.own.amax(1) - likeness.other
    wins = (margin.view(height, width) + alike / 2).masked_fill(~close, -torch.inf)
    chosen = torch.stack([wins.argmax(), alike.argmax()])
    xy = torch.stack([chosen % width, chosen // width], dim=-1)[:, None] + 0.5
    labels = torch.full((2, 1), prompts.POSITIVE, device=cells.device)
    return Prompts(xy * S8_CELL, labels)
