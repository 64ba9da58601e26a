"""Candidates are scored by hand on masks that can be counted."""

from __future__ import annotations

import pytest
import torch

from persam_vos.stages.candidate_scores import box_fit, drawn_fit, stability


def filled(*boxes_xyxy: tuple[int, int, int, int]) -> torch.Tensor:
    """Return (K, 20, 30) masks of one filled box each; x1 and y1 exclusive."""
    masks = torch.zeros((len(boxes_xyxy), 20, 30), dtype=torch.bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes_xyxy, strict=True):
        mask[y0:y1, x0:x1] = True
    return masks


def test_stability_is_the_iou_of_masks_at_two_thresholds() -> None:
    logits = torch.tensor([[[5.0, 0.5, -0.5, -5.0]], [[5.0, 2.0, -2.0, -5.0]], [[-9.0] * 4]])
    assert stability(logits).tolist() == pytest.approx([1 / 3, 1, 0])


def test_a_mask_whose_box_is_the_one_that_was_given_fits_best() -> None:
    masks = filled((5, 5, 16, 11), (5, 5, 10, 11), (5, 5, 20, 11))
    exact, smaller, larger = box_fit(masks, (5, 5, 15, 10)).tolist()
    assert exact == pytest.approx(2)
    assert exact > smaller > larger, "what goes on beyond a tight box is something else"


def test_a_drawn_mask_is_compared_by_iou() -> None:
    fits = drawn_fit(
        filled((0, 0, 10, 10), (0, 0, 5, 10), (20, 0, 30, 10)), filled((0, 0, 10, 10))[0]
    )
    assert fits.tolist() == pytest.approx([1, 0.5, 0])
