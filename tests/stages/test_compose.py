"""Composing against numpy's argmax over [0, logits_1 .. logits_K]."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from persam_vos.sam.geometry import Geometry
from persam_vos.stages.compose import compose, scale
from persam_vos.structures import LabelMap, ObjectLogits

SIZE_HW = (37, 53)
WEIGHTS = Geometry(SIZE_HW, image_size=128).logit_weights(torch.zeros(1, 32, 32))


def upsample(logits: torch.Tensor) -> torch.Tensor:
    at_input = F.interpolate(logits[:, None], (128, 128), mode="bilinear")
    return F.interpolate(at_input[..., :89, :128], SIZE_HW, mode="bilinear")[:, 0]


def answer(
    ids: tuple[int, ...], logits: torch.Tensor, present: tuple[bool, ...] | None = None
) -> ObjectLogits:
    given = torch.tensor(ids, dtype=torch.uint8)
    shown = torch.tensor(present or (True,) * len(ids), dtype=torch.bool)
    return ObjectLogits(given, logits, torch.ones(len(ids)), shown)


def drawn(objects: ObjectLogits) -> LabelMap:
    return compose(scale(objects, WEIGHTS), SIZE_HW, objects.low_res_logits.device).numpy()


def random_logits(count: int, seed: int) -> torch.Tensor:
    noise = torch.randn(count, 8, 8, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise[None], (32, 32), mode="bilinear")[0] * 4


@pytest.mark.parametrize("ids", [(1,), (1, 2, 3), (1, 7, 200), (255,), tuple(range(1, 21))])
def test_labels_are_the_argmax_with_a_background_of_zero(ids: tuple[int, ...]) -> None:
    logits = random_logits(len(ids), seed=len(ids))
    at_image_size = upsample(logits).numpy()
    rows = np.concatenate([np.zeros((1, *SIZE_HW), np.float32), at_image_size]).argmax(0)
    expected = np.array((0, *ids), np.uint8)[rows]
    labels = drawn(answer(ids, logits))
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, expected)


def test_absent_objects_leave_their_pixels_to_others() -> None:
    logits = torch.stack([torch.full((32, 32), 9.0), torch.full((32, 32), 1.0)])
    labels = drawn(answer((3, 8), logits, (False, True)))
    assert np.unique(labels).tolist() == [8]


def test_equal_logits_go_to_the_lower_id_and_zero_is_background() -> None:
    logits = torch.zeros(2, 32, 32)
    logits[:, :16] = 2.0
    labels = compose(
        scale(answer((4, 5), logits), (torch.eye(32), torch.eye(32))), (32, 32), logits.device
    )
    assert (labels[:16] == 4).all()
    assert (labels[16:] == 0).all()


@pytest.mark.parametrize("present", [(False, False), (True, True)])
def test_an_empty_mask_is_a_valid_answer(present: tuple[bool, ...]) -> None:
    logits = torch.full((2, 32, 32), -3.0)
    labels = drawn(answer((1, 2), logits, present))
    assert labels.shape == SIZE_HW
    assert not labels.any()


def test_no_object_gives_background() -> None:
    labels = drawn(answer((), torch.zeros(0, 32, 32)))
    assert not labels.any()
