"""Still images as frames: modes, orientation, sizes, names, and the order people expect."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_clips import picture
from PIL import Image

from persam_vos.errors import MediaError
from persam_vos.media.image_reader import ImageSource
from persam_vos.media.reader import open_source


def save(path: Path, image: np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)
    return path


def test_images_of_every_mode_become_rgb(tmp_path: Path) -> None:
    grey = picture(0)[..., 0]
    deep = (grey.astype(np.uint16) * 257).astype(np.uint16)
    for image, name in (
        (Image.fromarray(grey), "grey"),
        (Image.fromarray(deep), "deep"),
        (Image.fromarray(grey).convert("P"), "palette"),
        (Image.fromarray(grey).convert("LA"), "alpha"),
        (Image.fromarray(grey).convert("RGBA"), "rgba"),
    ):
        image.save(tmp_path / f"{name}.png")
    Image.fromarray(grey).convert("CMYK").save(tmp_path / "cmyk.tif")
    frames = list(open_source(tmp_path))
    assert len(frames) == 6
    for frame in frames:
        np.testing.assert_allclose(frame.image, grey[..., None].repeat(3, 2), atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_as_their_exif_says(tmp_path: Path, orientation: int) -> None:
    upright = picture(0)
    # What a camera stores so that a viewer following the tag shows it upright.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = open_source(save(tmp_path / "a.png", np.ascontiguousarray(stored), exif=exif))
    assert source.info.size_hw == upright.shape[:2]
    np.testing.assert_array_equal(next(source.frames()).image, upright)


def test_image_of_another_size_is_named(tmp_path: Path) -> None:
    save(tmp_path / "1.png", picture(0))
    save(tmp_path / "2.png", picture(0, (64, 90)))
    with pytest.raises(MediaError, match=r"2\.png: got an image of 90 x 64, expected 96 x 64"):
        open_source(tmp_path)


def test_images_that_would_share_a_mask_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "1.png", picture(0))
    save(tmp_path / "1.jpg", picture(0))
    with pytest.raises(MediaError, match="two images called '1'"):
        open_source(tmp_path)


def test_half_an_image_is_named_when_its_turn_comes(tmp_path: Path) -> None:
    save(tmp_path / "1.png", picture(0))
    whole = save(tmp_path / "2.png", picture(1))
    whole.write_bytes(whole.read_bytes()[:200])
    frames = open_source(tmp_path).frames()
    assert next(frames).name == "1"
    with pytest.raises(MediaError, match=r"2\.png: got a file that cannot be read as an image"):
        next(frames)


def three_images(folder: Path) -> ImageSource:
    return ImageSource("clip", [save(folder / f"{n}.png", picture(n)) for n in range(3)])


def test_frames_begin_where_one_says_and_have_the_times_of_24_a_second(tmp_path: Path) -> None:
    source = three_images(tmp_path)
    assert source.info.frame_count == 3
    assert source.info.frames_per_second == Fraction(24)
    frames = list(source.frames(1))
    assert [(one.index, one.name) for one in frames] == [(1, "1"), (2, "2")]
    assert [one.time_seconds for one in frames] == [1 / 24, 2 / 24]


def test_frames_backwards_are_those_forwards(tmp_path: Path) -> None:
    source = three_images(tmp_path)
    forwards, backwards = list(source), list(source.frames_reversed(2))
    assert [one.index for one in backwards] == [2, 1, 0]
    for one, other in zip(forwards, reversed(backwards), strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_a_frame_that_is_not_there_is_named(tmp_path: Path) -> None:
    source = three_images(tmp_path)
    for frames in (source.frames(3), source.frames_reversed(3)):
        with pytest.raises(MediaError, match="clip, frame 3: got 3 frames, expected a frame from"):
            next(frames)
