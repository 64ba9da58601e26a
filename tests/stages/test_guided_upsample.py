"""Masks that follow the picture's edges, against the filter written out window by window."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from persam_vos.geometry import Geometry, normalise
from persam_vos.stages import guided_upsample as module
from persam_vos.stages.compose import compose, scale
from persam_vos.structures import LabelMap, ObjectLogits

CHANCE = torch.Generator().manual_seed(3)
SIZE_HW = (64, 96)


def coefficients_by_least_squares(
    probs: NDArray[np.float64], colours: NDArray[np.float64], radius: int
) -> NDArray[np.float64]:
    """Fit a ridge line in each window, and average them over windows: equations 14 and 15."""
    height, width = probs.shape
    coefficients = np.zeros((4, height, width))
    for y in range(height):
        for x in range(width):
            window = np.s_[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
            inside = colours[:, *window].reshape(3, -1).T
            seen, given = inside - inside.mean(0), probs[window].ravel() - probs[window].mean()
            noise = module._NOISE * np.eye(3) * len(seen)
            slopes = np.linalg.solve(seen.T @ seen + noise, seen.T @ given)
            coefficients[:, y, x] = *slopes, probs[window].mean() - slopes @ inside.mean(0)
    averaged = np.zeros_like(coefficients)
    for y in range(height):
        for x in range(width):
            window = np.s_[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
            averaged[:, y, x] = coefficients[:, *window].mean((1, 2))
    return averaged


def test_coefficients_are_those_of_the_guided_filter() -> None:
    probs = torch.rand(13, 17, generator=CHANCE, dtype=torch.float64)
    colours = torch.randn(3, 13, 17, generator=CHANCE, dtype=torch.float64)
    expected = coefficients_by_least_squares(probs.numpy(), colours.numpy(), module._RADIUS)
    both = module.fit_coefficients(torch.stack([1 - probs, probs]), colours)
    np.testing.assert_allclose(both[1], expected, rtol=0, atol=1e-9)


def picture_of(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Show what a mask holds in red, on green, with some noise."""
    picture = np.where(mask[..., None], (200, 40, 30), (40, 160, 60))
    noise = np.random.default_rng(0).normal(0, 4, picture.shape)
    return (picture + noise).clip(0, 255).astype(np.uint8)


def disk(radius: float, centre: tuple[float, float] = (30.0, 45.0)) -> NDArray[np.bool_]:
    y, x = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
    return np.asarray((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2)


def object_logits(
    masks: list[NDArray[np.bool_]], present: tuple[bool, ...] | None = None
) -> ObjectLogits:
    """Make logits of masks, in cells of 4 input pixels, of a picture shown at twice its size."""
    cells = torch.from_numpy(np.stack(masks)).float()
    probs = torch.nn.functional.avg_pool2d(cells, 2)
    ids = tuple(range(1, len(masks) + 1))
    logits = torch.logit(probs, 0.01)
    given = torch.tensor(ids, dtype=torch.uint8)
    shown = torch.tensor(present or (True,) * len(ids), dtype=torch.bool)
    return ObjectLogits(given, logits, torch.ones(len(ids)), shown)


def follow(objects: ObjectLogits, picture: NDArray[np.uint8]) -> LabelMap:
    """Draw masks where they are; and all as large as the picture, which makes no difference."""
    labels, others = follow_both(objects, picture)
    assert (labels != others).mean() < 1e-3
    return labels


def follow_both(objects: ObjectLogits, picture: NDArray[np.uint8]) -> list[LabelMap]:
    geometry = Geometry(SIZE_HW, image_size=192)
    pixels = torch.from_numpy(picture)
    colours = normalise(pixels.permute(2, 0, 1))  # a cell of 2 input pixels is a pixel
    weights = geometry.colour_weights(pixels.device)
    return [
        compose(
            module.guided_upsample(objects, colours, pixels, weights, static_shapes=static),
            SIZE_HW,
            torch.device("cpu"),
            of_probs=True,
        ).numpy()
        for static in (False, True)
    ]


def overlap(labels: LabelMap, mask: NDArray[np.bool_], object_id: int = 1) -> float:
    return float(((labels == object_id) & mask).sum() / ((labels == object_id) | mask).sum())


@pytest.mark.parametrize("wrong", [-1.5, 1.5], ids=["too small", "too large"])
def test_a_mask_that_misses_the_edge_is_drawn_to_it(wrong: float) -> None:
    shown, given = disk(18), disk(18 + wrong)
    objects = object_logits([given])
    plain = compose(
        scale(objects, Geometry(SIZE_HW, 192).logit_weights(objects.low_res_logits)),
        SIZE_HW,
        torch.device("cpu"),
    ).numpy()
    assert overlap(plain, shown) < 0.88
    assert overlap(follow(objects, picture_of(shown)), shown) > 0.95


def test_where_the_picture_has_no_edge_the_mask_stays() -> None:
    flat = np.full((*SIZE_HW, 3), 120, np.uint8)
    assert overlap(follow(object_logits([disk(18)]), flat), disk(18)) > 0.95


@pytest.mark.parametrize("centre", [(2.0, 3.0), (62.0, 94.0), (30.0, 0.0)])
def test_masks_at_the_pictures_border_reach_it(centre: tuple[float, float]) -> None:
    mask = disk(14, centre)
    assert overlap(follow(object_logits([mask]), picture_of(mask)), mask) > 0.95


def test_absent_and_empty_objects_are_not_drawn() -> None:
    masks = [disk(9, (15, 20)), disk(9, (45, 70)), np.zeros(SIZE_HW, bool)]
    labels = follow(object_logits(masks, (False, True, True)), picture_of(masks[0] | masks[1]))
    assert overlap(labels, masks[1], 2) > 0.95
    assert set(np.unique(labels)) == {0, 2}


def test_a_mask_in_the_padding_alone_is_not_drawn() -> None:
    objects = object_logits([np.zeros((SIZE_HW[0] + 16, SIZE_HW[1]), bool)])
    objects.low_res_logits[:, -2:] = 4.0
    flat = np.full((*SIZE_HW, 3), 120, np.uint8)
    assert not follow(objects, flat).any()
