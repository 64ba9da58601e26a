"""Layouts hold what trainers look for, in register, without loss."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from persam_vos.dreambooth.layout_names import LAYOUTS, Layout
from persam_vos.dreambooth.layouts import write_config, write_pair
from persam_vos.dreambooth.photos import InstancePhotos

SIZE_HW = (20, 30)
PHOTO = np.random.default_rng(0).integers(0, 256, (*SIZE_HW, 3), np.uint8)
MASK = np.zeros(SIZE_HW, np.uint8)
MASK[5:15, 4:20] = 255


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def test_plain_has_a_grey_mask(tmp_path: Path) -> None:
    assert write_pair(tmp_path, "plain", "a", PHOTO, MASK) == ("a.png",)
    assert opened(tmp_path / "a.png").mode == "L"
    np.testing.assert_array_equal(opened(tmp_path / "a.png"), MASK)


def test_kohya_has_masks_of_the_same_name_with_three_channels(tmp_path: Path) -> None:
    write_pair(tmp_path, "kohya", "a", PHOTO, MASK)
    assert write_config(tmp_path, "kohya", tmp_path, 768) == ("dataset.toml",)
    (data,) = tomllib.loads((tmp_path / "dataset.toml").read_text("utf-8"))["datasets"]
    (subset,) = data["subsets"]
    assert data["resolution"] == 768
    photos, masks = Path(subset["image_dir"]), Path(subset["conditioning_data_dir"])
    assert [one.name for one in photos.iterdir()] == [one.name for one in masks.iterdir()]
    np.testing.assert_array_equal(opened(photos / "a.png"), PHOTO)
    assert opened(masks / "a.png").mode == "RGB"
    np.testing.assert_array_equal(opened(masks / "a.png").getchannel(0), MASK)


def test_paths_with_quotes_are_valid_toml(tmp_path: Path) -> None:
    place = tmp_path / 'my "dog", é \\ old'
    write_config(tmp_path, "kohya", place, 512)
    told = tomllib.loads((tmp_path / "dataset.toml").read_text("utf-8"))
    assert told["datasets"][0]["subsets"][0]["image_dir"] == str(place / "images")


def test_onetrainer_has_masks_beside_the_photos(tmp_path: Path) -> None:
    write_pair(tmp_path, "onetrainer", "a", PHOTO, MASK)
    folder = tmp_path / "images"
    assert sorted(one.name for one in folder.iterdir()) == ["a-masklabel.png", "a.png"]
    np.testing.assert_array_equal(opened(folder / "a.png"), PHOTO)
    np.testing.assert_array_equal(opened(folder / "a-masklabel.png"), MASK)


def test_alpha_keeps_the_colours_of_what_is_transparent(tmp_path: Path) -> None:
    write_pair(tmp_path, "alpha", "a", PHOTO, MASK)
    pixels = np.asarray(opened(tmp_path / "images" / "a.png"))
    np.testing.assert_array_equal(pixels[..., :3], PHOTO)
    np.testing.assert_array_equal(pixels[..., 3], MASK)
    read = InstancePhotos(tmp_path / "images", alpha_mask=True, resolution=20)
    crop = read.draw(0, torch.Generator().manual_seed(0))
    assert crop.mask.sum() > 64


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_photo_without_the_subject_is_in_plain_alone(tmp_path: Path, layout: Layout) -> None:
    written = write_pair(tmp_path, layout, "a", PHOTO, np.zeros(SIZE_HW, np.uint8))
    assert written == (("a.png",) if layout == "plain" else ())
    assert len(list(tmp_path.iterdir())) == len(written)


@pytest.mark.parametrize("layout", ["plain", "onetrainer", "alpha"])
def test_only_kohya_has_a_file_that_lists_folders(tmp_path: Path, layout: Layout) -> None:
    assert write_config(tmp_path, layout, tmp_path, 512) == ()
    assert not list(tmp_path.iterdir())
