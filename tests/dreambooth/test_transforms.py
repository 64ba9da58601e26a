"""What photos and masks go through together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from persam_vos.dreambooth.transforms import (
    LATENT_CELL_PX,
    Placement,
    crop_mask,
    crop_pixels,
    dilate,
    draw_placement,
    latent_mask,
    resize_mask,
    resize_photo,
    resized_hw,
)

SIDE = 32
DOT_PX = LATENT_CELL_PX**2


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mask_of(size_hw: tuple[int, int], rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(size_hw, np.float32)
    mask[rows, columns] = 1
    return mask


@pytest.mark.parametrize(
    ("size_hw", "expected"),
    [
        ((600, 803), (512, 685)),
        ((803, 600), (685, 512)),
        ((512, 512), (512, 512)),
        ((1, 9), (512, 4608)),
    ],
)
def test_the_short_side_becomes_the_resolution(
    size_hw: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert resized_hw(size_hw, 512) == expected


def test_mask_and_photo_are_resized_alike() -> None:
    mask = mask_of((90, 130), slice(20, 61), slice(33, 84))
    photo = np.repeat((mask * 255).astype(np.uint8)[..., None], 3, axis=2)
    size_hw = resized_hw((90, 130), SIDE)
    of_photo = resize_photo(photo, size_hw)[..., 0] / 255
    np.testing.assert_allclose(resize_mask(mask, size_hw), of_photo, atol=1 / 255)


def test_what_is_outside_of_a_mask_stays_exactly_0() -> None:
    mask = mask_of((90, 130), slice(20, 61), slice(33, 84))
    small = resize_mask(mask, resized_hw((90, 130), SIDE))
    assert small[:5].max() == 0
    assert small[10:20, 14:28].min() > 0.999


def test_dilating_grows_a_mask_by_pixels() -> None:
    grown = dilate(mask_of((20, 20), slice(10, 11), slice(10, 11)), 3)
    assert grown[10, 7:14].min() == 1
    assert grown[10, 6] == grown[10, 14] == grown[7, 7] == 0
    unchanged = mask_of((4, 4), slice(1, 2), slice(1, 2))
    assert dilate(unchanged, 0) is unchanged


@pytest.mark.parametrize("tall", [False, True])
def test_crops_without_the_subject_are_not_drawn_and_all_others_are(tall: bool) -> None:
    mask = mask_of((SIDE, 4 * SIDE), slice(4, 4 + LATENT_CELL_PX), slice(50, 50 + LATENT_CELL_PX))
    mask = mask.T if tall else mask
    generator = seeded(1)
    starts = [draw_placement(mask, SIDE, generator) for _ in range(600)]
    along = {one.top if tall else one.left for one in starts}
    across = {one.left if tall else one.top for one in starts}
    assert along == set(range(50 + LATENT_CELL_PX - SIDE, 50 + 1))
    assert across == {0}


def test_of_a_subject_that_is_too_small_as_much_is_shown_as_there_is() -> None:
    mask = mask_of((SIDE, 4 * SIDE), slice(4, 6), slice(50, 52))
    generator = seeded(1)
    for _ in range(50):
        crop = crop_mask(mask, SIDE, draw_placement(mask, SIDE, generator))
        assert crop.sum() == 4


def test_the_centre_is_left_for_the_subject_alone() -> None:
    middle = mask_of((SIDE, 4 * SIDE), slice(0, SIDE), slice(60, 70))
    assert draw_placement(middle, SIDE, seeded(0), center=True) == Placement(0, 48)
    aside = mask_of((SIDE, 4 * SIDE), slice(0, DOT_PX // 2), slice(10, 12))
    nearest = draw_placement(aside, SIDE, seeded(0), center=True)
    assert nearest == Placement(0, 10)
    assert crop_mask(aside, SIDE, nearest).sum() == DOT_PX


def test_flips_are_drawn_for_one_crop_in_two_and_only_if_asked_for() -> None:
    mask = np.ones((SIDE, SIDE + 5), np.float32)
    generator = seeded(2)
    flips = [draw_placement(mask, SIDE, generator, random_flip=True).flip for _ in range(200)]
    assert 70 < sum(flips) < 130
    generator = seeded(2)
    assert not any(draw_placement(mask, SIDE, generator).flip for _ in range(50))


def test_a_draw_takes_as_much_from_the_generator_whatever_is_asked_for() -> None:
    mask = np.ones((SIDE, SIDE + 5), np.float32)
    states = []
    for center, random_flip in ((False, False), (True, False), (True, True)):
        generator = seeded(3)
        draw_placement(mask, SIDE, generator, center=center, random_flip=random_flip)
        states.append(generator.get_state())
    assert all(torch.equal(states[0], one) for one in states)


def test_crops_are_cut_and_mirrored() -> None:
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    plain = crop_pixels(image, 4, Placement(0, 1))
    flipped = crop_pixels(image, 4, Placement(0, 1, flip=True))
    assert plain.shape == (3, 4, 4)
    assert torch.equal(plain.flip(-1), flipped)
    expected = image[:, 1:5].astype(np.float32).transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(plain, expected, atol=1e-6)


@pytest.mark.parametrize("latent", [4, 16])  # of autoencoders with factors 8 and 2
def test_a_cell_of_the_latent_mask_is_the_share_of_it_that_is_covered(latent: int) -> None:
    mask = torch.rand((2, 1, SIDE, SIDE), generator=seeded(4))
    cell = SIDE // latent
    small = latent_mask(mask, (latent, latent))
    assert small.shape == (2, 1, latent, latent)
    for y, x in ((0, 0), (1, 3), (latent - 1, latent - 1)):
        share = mask[1, 0, y * cell : (y + 1) * cell, x * cell : (x + 1) * cell].mean()
        assert small[1, 0, y, x].item() == pytest.approx(share.item(), rel=1e-5)


def test_a_thin_part_keeps_its_share_and_other_cells_stay_exactly_0() -> None:
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 9:11] = 1
    small = latent_mask(mask, (4, 4))
    assert small[0, 0].tolist() == [[0, 0.25, 0, 0]] * 4


def test_latents_whose_size_does_not_divide_the_crop_are_covered() -> None:
    small = latent_mask(torch.ones(1, 1, 30, 30), (4, 4))
    assert torch.equal(small, torch.ones(1, 1, 4, 4))
