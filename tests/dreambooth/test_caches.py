"""Photos in a random order, as latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tiny_diffusion import TINY_SIZE, tiny_vae

from persam_vos.dreambooth.caches import CropSource
from persam_vos.dreambooth.photos import InstancePhotos


def source(
    photos: Path, *, center: bool = False, keep: bool = False, vae: Any = None
) -> CropSource:
    instance = InstancePhotos(
        photos, masks=photos.parent / "masks", resolution=TINY_SIZE, center_crop=center
    )
    return CropSource(instance, vae or tiny_vae(), seed=0, purpose="instance", keep=keep)


def test_a_place_in_the_order_is_the_same_crop_whatever_came_before(photos: Path) -> None:
    one, another = source(photos), source(photos)
    crops = one.take(range(8))
    (later,) = another.take([7])
    assert torch.equal(crops[7].mask, later.mask)
    assert crops[7].crop_top_left_yx == later.crop_top_left_yx
    torch.testing.assert_close(crops[7].moments, later.moments)


def test_a_round_shows_each_photo_and_the_next_one_other_crops(photos: Path) -> None:
    crops = source(photos).take(range(12))
    areas = [float(one.mask.sum()) for one in crops]
    assert len(areas) == 12 and min(areas) > 0
    assert len({one.crop_top_left_yx for one in crops}) > 3


def test_kept_latents_are_those_that_would_be_encoded_again(photos: Path) -> None:
    anew = source(photos, center=True).take([0, 1, 2, 3])
    keeping = source(photos, center=True, keep=True)
    kept = keeping.take([0, 1, 2, 3])
    for one, other in zip(anew, kept, strict=True):
        torch.testing.assert_close(one.moments, other.moments)
        assert torch.equal(one.mask, other.mask)
    assert len(keeping.kept) == 3
    assert keeping.take([0])[0] is kept[0]


def test_latents_have_the_size_that_the_autoencoder_gives_them(photos: Path) -> None:
    for levels, side in ((2, TINY_SIZE // 2), (4, TINY_SIZE // 8)):
        (crop,) = source(photos, vae=tiny_vae(levels)).take([0])
        assert crop.moments.shape == (8, side, side)
        assert crop.mask.shape == (1, TINY_SIZE, TINY_SIZE)
