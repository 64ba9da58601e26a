"""Masks beside photos, of every kind that people have, and all that can be wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from persam_vos.dreambooth.mask_files import (
    read_alphas,
    read_masks,
    read_soft_mask,
    shared_stems,
)
from persam_vos.errors import UsageError
from persam_vos.media.label_png import write_label_png

SIZE_HW = (20, 30)


@pytest.fixture
def album(tmp_path: Path) -> list[Path]:
    """Five photos, the last lying on its side, and the folder of their masks."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "masks").mkdir()
    photos = [tmp_path / "photos" / name for name in ("a.jpg", "b.png", "c.jpg", "d.d.jpg")]
    for photo in photos:
        Image.new("RGB", SIZE_HW[::-1], "red").save(photo)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = tmp_path / "photos" / "e.jpg"
    Image.new("RGB", SIZE_HW, "red").save(turned, exif=exif)
    return [*photos, turned]


def grey(value: int = 255) -> Image.Image:
    """A mask whose left third has a level of grey."""
    levels = np.zeros(SIZE_HW, np.uint8)
    levels[:, :10] = value
    return Image.fromarray(levels)


def fill(album: list[Path]) -> Path:
    """Write a good mask for each photo, and something else that does no harm."""
    folder = album[0].parent.parent / "masks"
    for photo in album:
        grey().save(folder / f"{photo.stem}.png")
    (folder / "prepare.json").write_text("{}")
    return folder


def test_masks_are_found_by_the_names_of_photos(album: list[Path]) -> None:
    masks = read_masks(album, fill(album), allow_empty=False)
    assert len(masks) == len(album)
    for mask in masks:
        assert mask.dtype == np.float32
        assert mask.shape == SIZE_HW
        assert mask[:, :10].min() == 1
        assert mask[:, 10:].max() == 0


def test_all_that_is_wrong_is_told_at_once(album: list[Path]) -> None:
    folder = fill(album)
    (folder / "a.png").unlink()
    Image.new("L", (31, 20), 255).save(folder / "b.png")
    (folder / "c.png").write_text("no image")
    grey(0).save(folder / "d.d.png")
    Image.new("L", SIZE_HW, 255).save(folder / "e.png")  # as the photo is stored
    with pytest.raises(UsageError) as told:
        read_masks(album, folder, allow_empty=False)
    message = str(told.value)
    assert "\n" not in message
    for said in (
        "a.png is missing",
        "b.png is 31 x 20, not 30 x 20 as b.png is",
        "c.png is no image",
        "d.d.png is an empty mask",
        "e.png is 20 x 30, not 30 x 20 as e.jpg is when it is upright",
        "skip_empty",
    ):
        assert said in message
    assert told.value.exit_code == 2


def test_empty_masks_are_let_pass_if_they_may_be(album: list[Path]) -> None:
    folder = fill(album)
    grey(0).save(folder / "c.png")
    masks = read_masks(album, folder, allow_empty=True)
    assert [bool(one.any()) for one in masks] == [True, True, False, True, True]


def test_a_folder_that_is_not_there_is_told(album: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such folder.*dreambooth prepare"):
        read_masks(album, tmp_path / "nothing", allow_empty=False)


def test_photos_that_would_share_a_mask_are_told(album: list[Path]) -> None:
    folder = fill(album)
    twin = album[0].with_suffix(".png")
    grey().save(twin)
    assert shared_stems([*album, twin]) == ["a.jpg and a.png share a name"]
    with pytest.raises(UsageError, match=r"a\.jpg and a\.png share a name"):
        read_masks([*album, twin], folder, allow_empty=False)
    assert shared_stems(album) == []


def test_every_kind_of_mask_is_read(tmp_path: Path) -> None:
    labels = (np.asarray(grey()) > 0).astype(np.uint8)
    write_label_png(tmp_path / "palette.png", labels * 7)
    grey().convert("1").save(tmp_path / "bilevel.png")
    grey().convert("RGB").save(tmp_path / "rgb.png")
    grey().convert("RGBA").save(tmp_path / "rgba.png")
    grey().convert("LA").save(tmp_path / "la.png")
    Image.fromarray(labels.astype(np.uint16) * np.uint16(65535)).save(tmp_path / "deep.png")
    for path in sorted(tmp_path.iterdir()):
        np.testing.assert_array_equal(read_soft_mask(path), labels, err_msg=path.name)


def test_grey_is_a_weight_and_red_is_the_channel_that_counts(tmp_path: Path) -> None:
    grey(127).save(tmp_path / "half.png")
    assert read_soft_mask(tmp_path / "half.png").max() == pytest.approx(127 / 255)
    Image.merge("RGB", [grey(127), grey(255), grey(255)]).save(tmp_path / "red.png")
    assert read_soft_mask(tmp_path / "red.png").max() == pytest.approx(127 / 255)


def test_grey_of_0_and_1_alone_is_no_black_mask(tmp_path: Path) -> None:
    grey(1).save(tmp_path / "ids.png")
    np.testing.assert_array_equal(read_soft_mask(tmp_path / "ids.png"), np.asarray(grey()) / 255)


def test_a_mask_is_turned_as_its_own_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    grey().transpose(Image.Transpose.ROTATE_90).save(tmp_path / "m.png", exif=exif)
    np.testing.assert_array_equal(read_soft_mask(tmp_path / "m.png"), np.asarray(grey()) / 255)


def test_alpha_is_read_and_where_there_is_none_it_is_told(tmp_path: Path) -> None:
    cut = Image.new("RGB", SIZE_HW[::-1], "red")
    cut.putalpha(grey(51))
    cut.save(tmp_path / "a.png")
    (mask,) = read_alphas([tmp_path / "a.png"], allow_empty=False)
    assert (mask.min(), mask.max()) == (0, pytest.approx(0.2))
    cut.convert("RGB").save(tmp_path / "b.png")
    cut.putalpha(0)
    cut.save(tmp_path / "c.png")
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    with pytest.raises(UsageError, match=r"b\.png is no transparency.*c\.png is an empty mask"):
        read_alphas(paths, allow_empty=False)
    assert not read_alphas([paths[2]], allow_empty=True)[0].any()
