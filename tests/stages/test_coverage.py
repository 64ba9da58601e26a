"""How much of a pixel an object covers, against shapes whose coverage is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from no_sync import NoSync
from traced_graph import TracedGraph

from persam_vos.stages.coverage import coverage, coverage_of_mask, coverage_of_masks
from persam_vos.structures import ScaledMasks

SIZE = 64
FINER = 16


def disc(radius: float, centre: tuple[float, float]) -> np.ndarray:
    """The exact coverage of a disc, (SIZE, SIZE) in [0, 1], by counting smaller pixels."""
    places = (np.arange(SIZE * FINER) + 0.5) / FINER
    inside = np.hypot(places[:, None] - centre[0], places[None] - centre[1]) < radius
    return np.asarray(inside.reshape(SIZE, FINER, SIZE, FINER).mean(axis=(1, 3)))


@pytest.mark.parametrize("centre", [(32.5, 31.9), (31.3, 32.7)])
def test_stairs_of_a_mask_become_coverage(centre: tuple[float, float]) -> None:
    truth = disc(20.4, centre)
    mask = truth >= 0.5
    edge = (truth > 0) & (truth < 1)
    made = coverage_of_mask(mask) / 255
    assert np.abs(made - truth)[edge].mean() < 0.6 * np.abs(mask - truth)[edge].mean()
    assert np.abs(made - truth).max() < 0.4


def test_what_is_sure_is_hard_and_labels_agree() -> None:
    mask = disc(20, (32, 32)) >= 0.5
    made = coverage_of_mask(mask)
    assert ((made >= 128) == mask).all()
    inner, outer = disc(17, (32, 32)) == 1, disc(23, (32, 32)) == 0
    assert (made[inner] == 255).all()
    assert (made[outer] == 0).all()


def test_straight_edges_and_thin_lines_stay_hard() -> None:
    mask = np.zeros((24, 24), np.bool_)
    mask[:12] = True
    np.testing.assert_array_equal(coverage_of_mask(mask), np.where(mask, 255, 0))
    line = np.zeros((24, 24), np.bool_)
    line[10] = True
    np.testing.assert_array_equal(coverage_of_mask(line), np.where(line, 255, 0))


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 9), (7, 1), (2, 2)])
@pytest.mark.parametrize("value", [False, True])
def test_tiny_pictures_have_a_coverage(size_hw: tuple[int, int], value: bool) -> None:
    mask = np.full(size_hw, value)
    np.testing.assert_array_equal(coverage_of_mask(mask), np.where(mask, 255, 0))


def test_probabilities_know_more_than_labels() -> None:
    truth = disc(20.4, (31.3, 32.7))
    places = np.arange(SIZE) + 0.5
    distance = 20.4 - np.hypot(places[:, None] - 31.3, places[None] - 32.7)
    margin = torch.from_numpy(np.tanh(distance / 4).astype(np.float32))  # soft over many pixels
    mask = margin > 0
    edge = (truth > 0) & (truth < 1)
    known = coverage(margin, mask).numpy() / 255
    of_labels = coverage_of_mask(mask.numpy()) / 255
    assert np.abs(known - truth)[edge].mean() < 0.04
    assert np.abs(known - truth)[edge].mean() < np.abs(of_labels - truth)[edge].mean()


def scaled(object_id: int, values: torch.Tensor) -> ScaledMasks:
    whole = (slice(0, values.shape[0]), slice(0, values.shape[1]))
    return ScaledMasks(torch.tensor([object_id], dtype=torch.uint8), *whole, values[None])


def test_objects_that_touch_share_their_border() -> None:
    ramp = torch.linspace(0, 1, 41)[None].repeat(20, 1)
    left, right = scaled(3, 1 - ramp), scaled(5, ramp)
    labels = torch.where(ramp > 0.5, 5, 3).to(torch.uint8)
    labels[:, 20] = 3
    ids = torch.tensor([3, 4, 5], dtype=torch.uint8)
    covered = coverage_of_masks([left, right], labels, ids, of_probs=True)
    assert covered.shape == (3, 20, 41)
    assert (covered[1] == 0).all(), "object 4 has no mask"
    both = covered[0].int() + covered[2].int()
    assert ((both - 255).abs() <= 2).all()


def test_logits_compete_with_zero() -> None:
    places = torch.arange(41.0)[None].repeat(20, 1)
    logits = (places - 20.25) / 3
    labels = (logits > 0).to(torch.uint8) * 9
    ids = torch.tensor([9], dtype=torch.uint8)
    covered = coverage_of_masks([scaled(9, logits)], labels, ids, of_probs=False)[0]
    assert covered[10, 18:23].tolist() == [0, 0, pytest.approx(64, abs=2), 255, 255]


def test_a_graph_can_hold_it() -> None:
    places = torch.arange(41.0)[None].repeat(20, 1)
    ids = torch.tensor([3, 9, 0], dtype=torch.uint8)  # the last row is vacant

    def work(values: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor]:
        whole = (slice(0, 20), slice(0, 41))
        return (coverage_of_masks([ScaledMasks(ids, *whole, values)], labels, ids, of_probs=True),)

    def inputs(middle: float) -> tuple[torch.Tensor, torch.Tensor]:
        right = ((places - middle) / 8 + 0.5).clamp(0, 1)
        values = torch.stack([1 - right, right, torch.zeros_like(right)])
        return values, torch.where(right > 0.5, 9, 3).to(torch.uint8)

    first, second = inputs(20.3), inputs(11.8)
    with NoSync():
        work(*first)
    graph = TracedGraph(work, first)
    graph(*first)
    torch.testing.assert_close(graph(*second)[0][:2], work(*second)[0][:2])
