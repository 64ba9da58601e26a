"""Refused masks as they were meant: labels, and what is said of the guess."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mask_shapes import blobs
from PIL import Image

from persam_vos.checking.soft_masks import understand
from persam_vos.errors import MaskError

REFUSED = MaskError("m.png", got="soft edges")


def saved(folder: Path, pixels: np.ndarray, name: str = "m.png") -> Path:
    Image.fromarray(pixels).save(folder / name)
    return folder / name


def test_black_and_white_is_cut_in_the_middle(tmp_path: Path) -> None:
    ramp = np.tile(np.clip(np.arange(90) * 40 - 1500, 0, 255).astype(np.uint8), (60, 1))
    found = understand(saved(tmp_path, ramp), REFUSED)
    np.testing.assert_array_equal(found.label_map, ramp >= 128)
    assert found.changes == ("m.png: its greys were cut at 128",)


def test_near_colours_stay_apart_where_nothing_is_lost(tmp_path: Path) -> None:
    colours = np.array([(0, 0, 0), (48, 112, 32), (48, 116, 32), (9, 9, 99)], np.uint8)
    found = understand(saved(tmp_path, colours[blobs(1, 2, 3)]), REFUSED)
    np.testing.assert_array_equal(found.label_map, blobs(1, 2, 3))
    assert found.changes == (
        "m.png: #307020 became object 1",
        "m.png: #307420 became object 2",
        "m.png: #090963 became object 3",
    )


def test_colours_of_the_palette_keep_their_ids(tmp_path: Path) -> None:
    colours = np.array([(0, 0, 0), (250, 140, 10), (0, 128, 0)], np.uint8)
    found = understand(saved(tmp_path, colours[blobs(1, 2)]), REFUSED)
    np.testing.assert_array_equal(found.label_map, blobs(1, 2))
    assert found.changes == ("m.png: #fa8c0a became object 1",)


def test_a_pixel_between_two_colours_goes_to_the_one_it_is_most_like(tmp_path: Path) -> None:
    """Between 200 and 100 lies 150, which is no object of its own, and 190 belongs to 200."""
    grey = np.full((40, 60), 100, np.uint8)
    grey[:, 30:] = 200
    grey[:, 28:32] = (110, 140, 160, 190)
    found = understand(saved(tmp_path, grey), REFUSED)
    assert np.unique(found.label_map).tolist() == [100, 200]
    np.testing.assert_array_equal(
        found.label_map == 200, np.arange(60)[None] >= np.full((40, 1), 30)
    )
    assert found.changes == ("m.png: 160 pixels of mixed colours went to the one most like them",)


def test_transparent_pixels_are_background(tmp_path: Path) -> None:
    labels = blobs(1, 2)
    colours = np.array([(70, 80, 90), (240, 130, 20), (20, 130, 120)], np.uint8)[labels]
    alpha = cv2.GaussianBlur((255 * (labels > 0)).astype(np.uint8), (5, 5), 1)
    found = understand(saved(tmp_path, np.dstack([colours, alpha])), REFUSED)
    assert np.unique(found.label_map).tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["one colour", "noise", "a gradient", "no image", "nothing"])
def test_what_is_no_mask_is_refused_as_before(tmp_path: Path, name: str) -> None:
    pixels = {
        "one colour": np.full((60, 90, 3), 77, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8),
        "a gradient": np.mgrid[0:120:2, 0:180:2].sum(0).astype(np.uint8)[..., None]
        * np.array([1, 0, 1], np.uint8),
    }
    path = tmp_path / "m.png"
    if name in pixels:
        saved(tmp_path, pixels[name])
    elif name == "no image":
        path.write_text("text")
    with pytest.raises(MaskError, match="soft edges") as caught:
        understand(path, REFUSED)
    assert caught.value is REFUSED
