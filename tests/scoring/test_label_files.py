import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from persam_vos.errors import ScoringError
from persam_vos.scoring.label_files import list_label_files, present_ids, read_label_file
from persam_vos.scoring.palette import davis_palette

LABELS = np.array([[0, 1, 2], [255, 0, 7]], np.uint8)


def _saved(path: Path, picture: Image.Image) -> Path:
    picture.save(path)
    return path


def test_palette_and_grey_values_are_ids(tmp_path):
    grey = Image.fromarray(LABELS)
    palette = grey.copy()
    palette.putpalette([*range(256)] * 3)
    for name, picture in (("L", grey), ("P", palette), ("LA", grey.convert("LA"))):
        labels = read_label_file(_saved(tmp_path / f"{name}.png", picture))
        assert labels.dtype == np.uint8
        assert np.array_equal(labels, LABELS)


def test_two_valued_pictures_have_one_object(tmp_path):
    picture = Image.fromarray(LABELS).point(lambda value: 255 * (value > 0)).convert("1")
    labels = read_label_file(_saved(tmp_path / "bits.png", picture))
    assert np.array_equal(labels, LABELS > 0)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16", "grey RGB"])
def test_colours_of_the_palette_and_16_bits_are_ids_too(tmp_path, mode):
    if mode == "I;16":
        picture = Image.fromarray(LABELS.astype(np.uint16))
    elif mode == "grey RGB":
        picture = Image.fromarray(LABELS).convert("RGB")
    else:
        picture = Image.fromarray(davis_palette()[LABELS]).convert(mode)
    assert np.array_equal(read_label_file(_saved(tmp_path / "a.png", picture)), LABELS)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (Image.new("RGB", (3, 2), (1, 2, 3)), "colours that are not in the DAVIS palette"),
        (Image.fromarray(np.full((2, 3), 256, np.uint16)), "a value of 256"),
    ],
    ids=["colours", "greater values"],
)
def test_pictures_that_are_no_label_maps_are_refused_by_name(tmp_path, picture, said):
    path = _saved(tmp_path / "other.png", picture)
    with pytest.raises(ScoringError, match=rf"other\.png.*{said}"):
        read_label_file(path)


def test_unreadable_files_are_refused_by_name(tmp_path):
    whole = _saved(tmp_path / "whole.png", Image.fromarray(np.tile(LABELS, (90, 90)))).read_bytes()
    huge = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + huge))
    contents = {
        "text.png": b"not a picture",
        "empty.png": b"",
        "cut.png": whole[: len(whole) // 2],
        "huge.png": whole[:8] + struct.pack(">I", 13) + b"IHDR" + huge + checksum + whole[33:],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    Image.new("RGB", (3, 2)).save(tmp_path / "jpeg.png", format="JPEG")
    for name in (*contents, "jpeg.png", "absent.png"):
        with pytest.raises(ScoringError, match=name.replace(".", r"\.")) as caught:
            read_label_file(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_only_png_files_are_listed_by_name(tmp_path):
    for name in ("b.png", "a.PNG", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in list_label_files(tmp_path)] == ["a.PNG", "b.png"]
    with pytest.raises(ScoringError, match="cannot list"):
        list_label_files(tmp_path / "absent")


def test_present_ids_leave_background_out():
    assert present_ids(LABELS) == {1, 2, 7, 255}
    assert present_ids(np.zeros((2, 2), np.uint8)) == set()
