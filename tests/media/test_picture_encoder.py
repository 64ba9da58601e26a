from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import picture

from persam_vos.errors import OutputError
from persam_vos.exports.alpha_video import prores_4444
from persam_vos.media import picture_encoder
from persam_vos.media.picture_encoder import BT709, H264, PictureEncoder
from persam_vos.media.reader import open_source
from persam_vos.media.video_writer import VideoWriter
from persam_vos.structures import SourceInfo


def facts(size_hw: tuple[int, int] = (64, 96), rate: Fraction = Fraction(24)) -> SourceInfo:
    return SourceInfo("frames", "images", size_hw, None, rate)


def write_all(path: Path, images: Sequence[np.ndarray], info: SourceInfo) -> None:
    with VideoWriter(path, info) as writer:
        for index, image in enumerate(images):
            writer.write(image, float(index / info.frames_per_second))


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (40, 90, 200), (255, 255, 255)])
def test_flat_colours_survive(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    image = np.full((64, 96, 3), colour, np.uint8)
    write_all(tmp_path / "a.mp4", [image] * 3, facts())
    for frame in open_source(tmp_path / "a.mp4"):
        np.testing.assert_allclose(frame.image, image, atol=4)


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 5), (77, 101), (16, 2)])
def test_odd_sizes_are_padded_by_the_last_row_and_column(tmp_path: Path, size_hw) -> None:
    image = np.full((*size_hw, 3), (200, 60, 30), np.uint8)
    write_all(tmp_path / "a.mp4", [image] * 3, facts(size_hw))
    frames = list(open_source(tmp_path / "a.mp4"))
    height, width = size_hw
    assert frames[0].size_hw == (height + height % 2, width + width % 2)
    np.testing.assert_allclose(frames[-1].image[-1, -1], (200, 60, 30), atol=4)


def test_mpeg4_is_written_where_x264_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = replace(H264, codec="no_such_encoder")
    monkeypatch.setattr(picture_encoder, "H264", missing)
    rate = Fraction(30_000, 1001)
    with VideoWriter(tmp_path / "a.mp4", facts(rate=rate), missing) as writer:
        for index in range(10):
            writer.write(picture(index), float(index / rate))
    info = open_source(tmp_path / "a.mp4").info
    assert (info.codec, info.frames_per_second) == ("mpeg4", rate)


def test_an_encoder_that_is_missing_is_named(tmp_path: Path) -> None:
    wanted = replace(H264, codec="no_such_encoder")
    with pytest.raises(OutputError, match="FFmpeg without no_such_encoder"):
        VideoWriter(tmp_path / "a.mp4", facts(), wanted)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "video_format"), [("a.mp4", H264), ("a.mov", prores_4444(BT709))])
def test_fragments_can_be_played_before_the_file_is_whole(
    tmp_path: Path, name: str, video_format: picture_encoder.VideoFormat
) -> None:
    path = tmp_path / name
    encoder = PictureEncoder(path, facts(), video_format, fragments=True)
    step = round(1 / 24 / encoder.time_base)
    channels = 4 if name == "a.mov" else 3
    for index in range(60):
        image = np.full((64, 96, channels), index, np.uint8)
        encoder.encode(image, index * step, step)
    with av.open(str(path)) as video:
        times = [frame.time for frame in video.decode(video=0)]
    assert times == pytest.approx([index / 24 for index in range(len(times))], abs=1e-4)
    assert len(times) >= 24
    encoder.finish()
