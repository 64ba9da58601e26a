"""Choosing by agreement, and fusing, on masks small enough to do by hand."""

from __future__ import annotations

import pytest
import torch

from persam_vos.stages import mask_selection


def half(side: int = 8, *, logit: float = 9.0) -> torch.Tensor:
    mask = torch.full((side, side), -logit)
    mask[:, : side // 2] = logit
    return mask


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0, 1.0], [1.0, 1.0], 1.0),
        ([1.0, 0.0], [0.0, 1.0], 0.0),
        ([0.5, 0.5], [1.0, 0.0], 1 / 3),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
    ],
    ids=["same", "apart", "half sure", "both empty"],
)
def test_agreement_is_soft_iou(first: list[float], second: list[float], expected: float) -> None:
    got = mask_selection.agreement(torch.tensor([first]), torch.tensor([second]))
    assert float(got) == pytest.approx(expected)


def test_agreement_with_the_memory_outweighs_predicted_iou() -> None:
    right, wrong = half(), -half()
    logits, iou, agree = mask_selection.best_candidate(
        torch.stack([wrong, right])[None], torch.tensor([[0.95, 0.6]]), right[None]
    )
    assert torch.equal(logits[0], right)
    assert float(iou) == pytest.approx(0.6)
    assert float(agree) == pytest.approx(
        float(mask_selection.agreement(right.sigmoid(), right.sigmoid()))
    )


def test_predicted_iou_decides_between_masks_that_agree_alike() -> None:
    candidates = torch.stack([half(logit=8), half(logit=8)])[None]
    _, iou, _ = mask_selection.best_candidate(candidates, torch.tensor([[0.4, 0.7]]), half()[None])
    assert float(iou) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("decoder", "readout", "positive"),
    [(30.0, -3.0, True), (30.0, -4.6, False), (-30.0, 3.0, False), (0.5, 0.5, True)],
)
def test_the_decoder_cannot_override_the_memory(
    decoder: float, readout: float, positive: bool
) -> None:
    fused = mask_selection.fuse(torch.tensor(decoder), torch.tensor(readout), decoder_weight=0.5)
    assert bool(fused > 0) is positive


def test_the_decoder_has_its_weight() -> None:
    decoder, readout = torch.tensor([3.0]), torch.tensor([-1.0])
    for weight, expected in ((0.0, -1.0), (0.25, 0.0), (1.0, 3.0)):
        assert float(mask_selection.fuse(decoder, readout, decoder_weight=weight)) == pytest.approx(
            expected
        )


def test_confidence_needs_all_three() -> None:
    full = torch.tensor([1.0])
    assert float(mask_selection.confidence(full, full, full)) == 1
    for parts in ((0.1, 1, 1), (1, 0.1, 1), (1, 1, 0.1)):
        assert float(mask_selection.confidence(*(torch.tensor([float(p)]) for p in parts))) < 0.5
