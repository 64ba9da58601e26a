"""Composing against numpy's argmax over [0, logits_1 .. logits_K], or over probs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from persam_vos.geometry import Geometry
from persam_vos.stages.compose import compose, scale
from persam_vos.structures import LabelMap, ObjectLogits, ScaledMasks

SIZE_HW = (37, 53)
WEIGHTS = Geometry(SIZE_HW, image_size=128).logit_weights(torch.zeros(1, 32, 32))


def upsample(logits: torch.Tensor) -> torch.Tensor:
    at_input = F.interpolate(logits[:, None], (128, 128), mode="bilinear")
    return F.interpolate(at_input[..., :89, :128], SIZE_HW, mode="bilinear")[:, 0]


def object_logits(
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
    labels = drawn(object_logits(ids, logits))
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_of_probs_the_background_has_what_is_left(at_once: int) -> None:
    chance = torch.Generator().manual_seed(1)
    probs = torch.rand((4, *SIZE_HW), generator=chance) * torch.tensor([1, 0.6, 0.4, 0.2]).view(
        -1, 1, 1
    )
    ids = torch.tensor([2, 3, 5, 200], dtype=torch.uint8)
    everywhere = (slice(0, SIZE_HW[0]), slice(0, SIZE_HW[1]))
    some = [slice(start, start + at_once) for start in range(0, 4, at_once)]
    masks = [ScaledMasks(ids[rows], *everywhere, probs[rows]) for rows in some]
    labels = compose(masks, SIZE_HW, probs.device, of_probs=True)
    left = 1 - probs.sum(0, keepdim=True)
    expected = np.array([0, *ids])[torch.cat([left, probs]).argmax(0).numpy()]
    assert {0, 2, 3, 5} <= set(np.unique(expected).tolist())
    assert (labels.numpy() != expected).mean() < 1e-3, "but for rounding"


def test_where_two_objects_touch_neither_needs_one_half() -> None:
    probs = torch.tensor([[0.45, 0.3, 0.5, 0.2], [0.45, 0.3, 0.0, 0.7]])[:, None]
    masks = [ScaledMasks(torch.tensor([1, 2]).byte(), slice(0, 1), slice(0, 4), probs)]
    labels = compose(masks, (1, 4), probs.device, of_probs=True)
    assert labels.tolist() == [[1, 0, 0, 2]]


def test_absent_objects_leave_their_pixels_to_others() -> None:
    logits = torch.stack([torch.full((32, 32), 9.0), torch.full((32, 32), 1.0)])
    labels = drawn(object_logits((3, 8), logits, (False, True)))
    assert np.unique(labels).tolist() == [8]


def test_equal_logits_go_to_the_lower_id_and_zero_is_background() -> None:
    logits = torch.zeros(2, 32, 32)
    logits[:, :16] = 2.0
    labels = compose(
        scale(object_logits((4, 5), logits), (torch.eye(32), torch.eye(32))),
        (32, 32),
        logits.device,
    )
    assert (labels[:16] == 4).all()
    assert (labels[16:] == 0).all()


@pytest.mark.parametrize("present", [(False, False), (True, True)])
def test_an_empty_mask_is_a_valid_result(present: tuple[bool, ...]) -> None:
    logits = torch.full((2, 32, 32), -3.0)
    labels = drawn(object_logits((1, 2), logits, present))
    assert labels.shape == SIZE_HW
    assert not labels.any()


def test_no_object_gives_background() -> None:
    labels = drawn(object_logits((), torch.zeros(0, 32, 32)))
    assert not labels.any()
