"""Select among the decoder's candidates by the memory readout, and fuse the two."""

from __future__ import annotations

import torch

_AGREEMENT_WEIGHT = 3.0  # against predicted IoU, which alone selects wrong scales
_SURE_LOGIT = 4.0  # the decoder's logits reach 30: clamped, so that it cannot override the memory


def agreement(probabilities: torch.Tensor, readout: torch.Tensor) -> torch.Tensor:
    """Measure the soft IoU, sum of minima over sum of maxima, of (..., S, S) masks in [0, 1]."""
    shared = torch.minimum(probabilities, readout).sum((-2, -1))
    either = torch.maximum(probabilities, readout).sum((-2, -1))
    return shared / either.clamp_min(1e-6)


def best_candidate(
    logits: torch.Tensor, predicted_iou: torch.Tensor, readout: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Keep each object's candidate with the best predicted IoU + 3 x agreement with the readout.

    ``logits`` is (N, K, S, S), ``predicted_iou`` (N, K), ``readout`` (N, S, S) logits. Returns
    the kept logits (N, S, S), their predicted IoU (N,) and agreement (N,).
    """
    agree = agreement(logits.sigmoid(), readout.sigmoid()[:, None])
    index = (predicted_iou + _AGREEMENT_WEIGHT * agree).argmax(1)
    rows = torch.arange(len(index), device=index.device)
    return logits[rows, index], predicted_iou[rows, index], agree[rows, index]


def fuse(logits: torch.Tensor, readout: torch.Tensor, *, decoder_weight: float) -> torch.Tensor:
    """Mix the decoder's logits with the readout ones; any shape, the same for both.

    Where both are certain and disagree, the readout is often right, since the decoder may have
    misread the object.
    """
    return torch.lerp(readout, logits.clamp(-_SURE_LOGIT, _SURE_LOGIT), decoder_weight)


def confidence(
    predicted_iou: torch.Tensor, agreement: torch.Tensor, appearance: torch.Tensor
) -> torch.Tensor:
    """Score how certain a mask is, (N,) in [0, 1]: the product of three that must all be high.

    The decoder's predicted IoU, the agreement with the readout, and the appearance score.
    """
    return predicted_iou.clamp(0, 1) * agreement * appearance.clamp_min(0.2).sqrt()


def compete(logits: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Let present objects and background compete: (N, H, W) logits to (H W, 1 + N) masks."""
    logits = logits.masked_fill(~present[:, None, None], -torch.inf)
    odds = torch.cat([torch.zeros_like(logits[:1]), logits])  # the background's log-odds are 0
    return odds.softmax(0).flatten(1).T
