"""JPEG files one after another: where each ends, what is damaged, what is none."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from live_sources import jpeg, reading
from media_clips import picture
from PIL import Image

from persam_vos.errors import MediaError
from persam_vos.live import mjpeg
from persam_vos.live.mjpeg import JpegSplitter, mjpeg_frames, read_jpeg


def with_thumbnail(index: int) -> bytes:
    """A JPEG with a whole other JPEG in its header, as cameras write."""
    inner = jpeg(picture(index))[:60_000]
    data = jpeg(picture(index))
    segment = b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner
    return data[:2] + segment + data[2:]


KINDS = {
    "baseline": [jpeg(picture(index)) for index in range(4)],
    "progressive": [jpeg(picture(index), progressive=True) for index in range(4)],
    "restarts": [jpeg(picture(index), restart_marker_blocks=2) for index in range(4)],
    "thumbnails": [with_thumbnail(index) for index in range(4)],
    "fill bytes": [data[:2] + b"\xff" + data[2:] for data in map(jpeg, map(picture, range(4)))],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_pictures_are_cut_where_they_end_however_they_come(kind: str, piece: int) -> None:
    files, splitter = KINDS[kind], JpegSplitter()
    data = b"".join(files)
    found, ends = [], []
    for start in range(0, len(data), piece):
        for one in splitter.feed(data[start : start + piece]):
            found.append(one)
            ends.append(min(start + piece, len(data)))
    assert found == files
    if piece == 1:
        lengths = np.cumsum([len(file) for file in files]).tolist()
        assert ends == lengths, "each is there with its last byte"


def test_frames_are_the_pictures_with_times_by_rate() -> None:
    files = KINDS["baseline"]
    found = list(mjpeg_frames(reading(b"".join(files)), Fraction(10)))
    assert [(one.index, one.seconds) for one in found] == [(0, 0), (1, 0.1), (2, 0.2), (3, 0.3)]
    for one, file in zip(found, files, strict=True):
        with Image.open(io.BytesIO(file)) as image:
            np.testing.assert_array_equal(one.to_image(), np.asarray(image))


def test_grey_and_turned_pictures_are_upright_rgb() -> None:
    grey = jpeg(picture(0)[..., 0])
    assert read_jpeg(grey, "x").shape == (64, 96, 3)
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(0)).save(turned, "JPEG", exif=exif)
    assert read_jpeg(turned.getvalue(), "x").shape == (96, 64, 3)


def test_what_is_between_pictures_is_passed_over() -> None:
    first, second = KINDS["baseline"][:2]
    data = b"--boundary\r\n\xff" + first + b"\r\n\x00\xff\x00" + second + b"rest"
    assert list(JpegSplitter().feed(data)) == [first, second]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_picture_that_breaks_off_costs_itself_alone(share: float) -> None:
    files = KINDS["baseline"]
    cut = files[1][: int(share * len(files[1]))]
    found = list(JpegSplitter().feed(files[0] + cut + files[2] + files[3]))
    assert found[0] == files[0]
    assert found[-1] == files[3]
    assert 3 <= len(found) <= 4


def test_a_damaged_picture_is_explained() -> None:
    data = KINDS["baseline"][0]
    with pytest.raises(MediaError, match="stdin, frame 3: got a damaged JPEG"):
        read_jpeg(data[: len(data) // 2], "stdin, frame 3")


def test_a_picture_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjpeg, "LARGEST_BYTES", 2**20)
    endless = KINDS["baseline"][0][:-2] + bytes(2**21)
    with pytest.raises(MediaError, match="got a JPEG of more than 1 MiB"):
        list(JpegSplitter().feed(endless))
