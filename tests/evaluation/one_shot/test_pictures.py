"""Pictures and masks as the published programs see them."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from one_shot_trees import polygon, rectangle, run_lengths, write_picture, write_png
from PIL import Image

from persam_vos.datasets.episodes import PixelMask, ShapeMask, Shot
from persam_vos.errors import DatasetError
from persam_vos.evaluation.one_shot.pictures import (
    SQUARE_SIDE,
    load_shot,
    nearest_indices,
    union_of_shapes,
)

SIZE = (30, 40)


@pytest.fixture
def shot(tmp_path):
    """A picture and its grey mask: 127 is outside, 128 inside, 255 too."""
    mask = rectangle(SIZE, 5, 5, 15, 15)
    write_picture(tmp_path / "a.png", mask)
    values = np.where(mask, 128, 127)
    values[20, 20] = 255
    write_png(tmp_path / "m.png", values)
    return Shot(tmp_path / "a.png", PixelMask(tmp_path / "m.png", 128, grey=True))


def test_a_mask_that_says_it_is_huge_is_refused(shot):
    path = shot.mask.path
    data = bytearray(path.read_bytes())
    data[16:24] = (1 << 30).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"m\.png.*DecompressionBomb"):
        load_shot(shot, None)


def test_grey_masks_are_taken_from_their_threshold(shot):
    picture = load_shot(shot, None)
    assert picture.image.shape == (*SIZE, 3)
    assert picture.mask.sum() == 101
    assert picture.void is None


def test_stored_values_of_a_palette_are_not_its_colours(shot, tmp_path):
    values = np.full(SIZE, 6, np.uint8)
    values[0, 0], values[0, 1] = 7, 255
    picture = Image.fromarray(values).convert("P")
    picture.putpalette([9] * 768)
    picture.save(tmp_path / "p.png")
    found = load_shot(Shot(shot.image, PixelMask(tmp_path / "p.png", 6, 6, void=255)), None)
    assert found.mask.sum() == 30 * 40 - 2
    assert found.void is not None
    assert found.void.sum() == 1


@pytest.mark.parametrize("extent", [1, 30, 37, 500, 518, 640, 1333])
def test_masks_are_squared_as_by_torch(extent):
    rows = torch.arange(extent, dtype=torch.float32)[None, None, :, None].expand(1, 1, extent, 2)
    wanted = F.interpolate(rows, size=(SQUARE_SIDE, 2), mode="nearest")[0, 0, :, 0].long()
    np.testing.assert_array_equal(nearest_indices(extent, SQUARE_SIDE), wanted)


def test_squares_ignore_the_aspect_and_pictures_are_bilinear(shot):
    picture = load_shot(shot, 64)
    assert picture.mask.shape == (64, 64)
    with Image.open(shot.image) as file:
        wanted = np.asarray(file.resize((64, 64), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(picture.image, wanted)


def test_a_crop_comes_before_the_square_and_its_ends_are_exclusive(shot):
    cropped = Shot(shot.image, shot.mask, (5, 5, 15, 10))
    assert load_shot(cropped, None).mask.shape == (5, 10)
    assert load_shot(cropped, None).mask.all()
    assert load_shot(cropped, 8).mask.all()


@pytest.mark.parametrize("crop", [(5, 5, 5, 10), (100, 5, 110, 10), (-9, 5, -2, 10)])
def test_an_empty_crop_is_told(shot, crop):
    with pytest.raises(DatasetError, match=r"a\.png: got an object's box"):
        load_shot(Shot(shot.image, shot.mask, crop), None)


def test_polygons_run_lengths_and_arrays_are_united():
    shapes = [
        [polygon(2, 3, 10, 13), polygon(20, 3, 28, 13)],
        run_lengths(rectangle(SIZE, 5, 15, 15, 25)),
        {"size": list(SIZE), "counts": [0, 1, 30 * 40 - 1]},  # the first pixel
        rectangle(SIZE, 30, 20, 36, 28).astype(np.uint8),
    ]
    wanted = rectangle(SIZE, 2, 3, 10, 13) | rectangle(SIZE, 20, 3, 28, 13)
    wanted |= rectangle(SIZE, 5, 15, 15, 25) | rectangle(SIZE, 30, 20, 36, 28)
    wanted[0, 0] = True
    np.testing.assert_array_equal(union_of_shapes(shapes, SIZE), wanted)


@pytest.mark.parametrize(
    "segmentation", [[], [[1, 2, 3, 4]], {"size": [3, 4], "counts": [0, 12]}, np.ones((3, 4))]
)
def test_other_shapes_are_told_with_their_file(shot, segmentation, tmp_path):
    odd = Shot(shot.image, ShapeMask((segmentation,), tmp_path / "lvis.pkl"))
    with pytest.raises(DatasetError, match=r"cannot use .*lvis\.pkl: got ValueError"):
        load_shot(odd, None)


def test_pictures_that_are_turned_by_exif_are_turned_if_their_mask_is(shot, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(shot.image) as file:
        file.convert("RGB").save(tmp_path / "t.jpg", exif=exif)
    assert load_shot(Shot(tmp_path / "t.jpg", shot.mask), None).image.shape == (30, 40, 3)
    write_png(tmp_path / "turned.png", np.full((40, 30), 255))
    turned = Shot(tmp_path / "t.jpg", PixelMask(tmp_path / "turned.png", 128))
    assert load_shot(turned, None).image.shape == (40, 30, 3)


def test_masks_of_another_size_and_damaged_pictures_are_told(shot, tmp_path):
    write_png(tmp_path / "small.png", np.zeros((3, 4)))
    with pytest.raises(DatasetError, match=r"mask \(4, 3\) for a picture \(40, 30\)"):
        load_shot(Shot(shot.image, PixelMask(tmp_path / "small.png", 1)), None)
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"a\.png"):
        load_shot(shot, None)
    write_png(tmp_path / "rgb.png", np.zeros((*SIZE, 3)))
    with pytest.raises(DatasetError, match="3 dimensions"):
        load_shot(Shot(tmp_path / "small.png", PixelMask(tmp_path / "rgb.png", 1)), None)
