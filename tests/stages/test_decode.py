"""Choosing and mixing scales, and boxes of logits, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from persam_vos.runtime.device import Compute
from persam_vos.sam.build import build_sam, random_state
from persam_vos.stages import decode
from persam_vos.structures import MaskCandidates, Prompts

SIDE = 32


def candidates(count: int = 3, seed: int = 0) -> MaskCandidates:
    generator = torch.Generator().manual_seed(seed)
    return MaskCandidates(
        torch.randn(count, 4, SIDE, SIDE, generator=generator),
        torch.rand(count, 4, generator=generator),
    )


def test_best_scale_never_takes_the_single_mask() -> None:
    given = candidates()
    given.predicted_iou[:, 0] = 2.0
    logits, scores = decode.best_scale(given)
    for row in range(3):
        best = 1 + int(np.argmax(given.predicted_iou[row, 1:].numpy()))
        assert torch.equal(logits[row], given.low_res_logits[row, best])
        assert float(scores[row]) == float(given.predicted_iou[row, best])


def test_mixed_scales_are_weighted_sums() -> None:
    given = candidates()
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5], [0.6, 0.6, -0.2]])
    mixed = decode.mixed_scales(given, weights)
    for row in range(3):
        expected = sum(
            weights[row, k].item() * given.low_res_logits[row, k + 1].double() for k in range(3)
        )
        np.testing.assert_allclose(mixed[row], expected, atol=1e-5)


def test_an_empty_mix_falls_back_to_the_best_scale_for_that_object_alone() -> None:
    given = candidates(2)
    given.low_res_logits[0, 1:3] = -50.0
    given.predicted_iou[0] = torch.tensor([0.0, 0.1, 0.2, 0.9])
    mixed = decode.mixed_scales(given, torch.full((2, 3), 1 / 3))
    assert torch.equal(mixed[0], given.low_res_logits[0, 3])
    torch.testing.assert_close(mixed[1], given.low_res_logits[1, 1:].mean(0))


@pytest.mark.parametrize(
    "box", [(0, 0, 31, 31), (3, 5, 17, 9), (8, 8, 8, 8), (31, 31, 31, 31)], ids=str
)
def test_boxes_of_logits_cover_the_positive_cells(box: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = box
    logits = torch.full((1, SIDE, SIDE), -1.0)
    logits[0, y0, x0] = logits[0, y1, x1] = 1.0
    boxes, valid = decode.logit_boxes(logits)
    assert valid.tolist() == [True]
    cell = 4  # input pixels per logit
    assert boxes.tolist() == [[x0 * cell, y0 * cell, (x1 + 1) * cell - 1, (y1 + 1) * cell - 1]]


def test_empty_logits_have_no_valid_box() -> None:
    _, valid = decode.logit_boxes(torch.full((2, SIDE, SIDE), -1.0))
    assert valid.tolist() == [False, False]


def test_boxes_become_corner_tokens_and_missing_ones_padding() -> None:
    points = Prompts(torch.zeros(2, 1, 2), torch.ones(2, 1, dtype=torch.long))
    boxes = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]])
    prompts = decode.with_boxes(points, boxes, torch.tensor([True, False]))
    assert prompts.points_xy[0].tolist() == [[0, 0], [1, 2], [3, 4]]
    assert prompts.point_labels.tolist() == [[1, 2, 3], [1, -1, -2]]
    assert points.point_labels.shape == (2, 1), "what was passed in is left as it was"


def test_objects_that_do_not_fit_at_once_are_decoded_in_smaller_portions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = build_sam("vit_t", random_state("vit_t", seed=0))
    compute = Compute(torch.device("cpu"), torch.float32)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 256, 4, 4, generator=generator)
    prompts = Prompts(
        torch.rand(5, 1, 2, generator=generator) * 64, torch.ones(5, 1, dtype=torch.long)
    )
    whole = decode.Decoder(network, compute)(features, prompts)
    counts: list[int] = []
    own = network.decode

    def small(features: torch.Tensor, prompts: Prompts, positions: None) -> MaskCandidates:
        counts.append(len(prompts.points_xy))
        if counts[-1] > 2:
            torch.empty(2**60)  # the real error: no machine has that much
        return own(features, prompts, positions)

    monkeypatch.setattr(network, "decode", small)
    decoder = decode.Decoder(network, compute)
    first, again = decoder(features, prompts), decoder(features, prompts)
    assert counts == [5, 2, 2, 1, 2, 2, 1]
    for found in (first, again):
        torch.testing.assert_close(found.low_res_logits, whole.low_res_logits)
        torch.testing.assert_close(found.predicted_iou, whole.predicted_iou)
