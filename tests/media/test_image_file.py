"""Image files by their content; `test_odd_inputs` has them by the dozen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import odd_images as images
import pytest
from media_clips import picture
from PIL import Image

from persam_vos.errors import MediaError
from persam_vos.media.image_file import frame_name, load, read_header


def test_headers_say_what_is_inside(tmp_path: Path) -> None:
    deep = tmp_path / "deep.png"
    images.deep(deep, 0)
    header = read_header(deep)
    assert (header.size_hw, header.format, header.deep) == ((64, 96), "PNG", True)
    assert load(deep).pixels.dtype == np.uint16
    stack = images.pages("a.tif")(tmp_path)
    assert isinstance(stack, Path)
    assert read_header(stack).pages == 3
    assert not read_header(stack).deep


STORED = picture(0)[..., 0]
UPRIGHT = {
    1: STORED,
    2: STORED[:, ::-1],
    3: STORED[::-1, ::-1],
    4: STORED[::-1],
    5: STORED.T,
    6: np.rot90(STORED, -1),
    7: STORED[::-1, ::-1].T,
    8: np.rot90(STORED),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("ending", ["tif", "png", "jpg"])
def test_pictures_of_any_depth_are_turned(tmp_path: Path, ending: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    depths = {1: STORED} if ending == "jpg" else {1: STORED, 257: STORED.astype(np.uint16) * 257}
    for scale, values in depths.items():
        path = tmp_path / f"{scale}.{ending}"
        Image.fromarray(values).save(path, exif=exif)
        pixels = load(path).pixels
        grey = pixels if pixels.ndim == 2 else pixels[..., 0]
        np.testing.assert_allclose(grey // scale, UPRIGHT[orientation], atol=6 * (ending == "jpg"))
        assert read_header(path).size_hw == UPRIGHT[orientation].shape


def test_a_cut_jpeg_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture(0)).save(path, quality=95)
    whole = load(path).pixels.astype(int)
    path.write_bytes(path.read_bytes()[:-40])
    loaded = load(path)
    assert loaded.cut
    assert np.abs(loaded.pixels[:32] - whole[:32]).max() == 0


def test_names_keep_what_is_no_ending(tmp_path: Path) -> None:
    names = {"a.jpg": "a", "a.0001.png": "a.0001", "a.0001": "a.0001", "a.b": "a.b"}
    assert {name: frame_name(tmp_path / name) for name in names} == names


def test_what_is_no_image_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"text" * 99)
    for action in (read_header, load):
        with pytest.raises(MediaError, match=r"a\.png: got a file that cannot be read as an image"):
            action(path)
