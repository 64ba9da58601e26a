"""Opening video files: which stream is the picture, and what the container says about it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from media_clips import add_video, encode_picture, picture
from odd_videos import Clip

from persam_vos.errors import MediaError
from persam_vos.media import container as container_module
from persam_vos.media.container import (
    average_rate,
    frame_count,
    open_container,
    video_stream,
)
from persam_vos.media.read_options import ReadOptions
from persam_vos.media.reader import open_source

MakeVideo = Callable[..., Path]


def write_with_cover(path: Path, *, with_video: bool) -> Path:
    """Write a cover picture as the first stream, and perhaps a video after it."""
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        stream = add_video(container, "libx264", "yuv420p", (64, 96), {}) if with_video else None
        frame = av.VideoFrame.from_ndarray(picture(0, (32, 32)), format="rgb24")
        container.mux(cover.encode(frame.reformat(format="yuvj420p")))
        container.mux(cover.encode(None))
        for index in range(6 if stream else 0):
            container.mux(encode_picture(stream, picture(index), index / 24))
        container.mux(stream.encode(None) if stream else [])
    return path


def test_cover_pictures_are_passed_over(tmp_path: Path) -> None:
    source = open_source(write_with_cover(tmp_path / "a.mp4", with_video=True))
    assert source.info.size_hw == (64, 96)
    assert len(list(source)) == 6


def test_cover_picture_alone_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="without a video stream"):
        open_source(write_with_cover(tmp_path / "a.mp4", with_video=False))


def test_rate_is_the_average(make_video: MakeVideo) -> None:
    times = [i * 1001 / 30_000 for i in range(30)]
    source = open_source(make_video("ntsc.mp4", times=times))
    assert float(source.info.frames_per_second) == pytest.approx(30_000 / 1001, rel=1e-2)
    assert isinstance(source.info.frames_per_second, Fraction)


def test_an_empty_file_is_told_from_one_that_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"")
    with pytest.raises(MediaError, match="got an empty file"), open_container(path):
        pass
    path.write_bytes(b"no video at all" * 100)
    with pytest.raises(MediaError, match="does not open as a video"), open_container(path):
        pass


def test_a_container_is_closed_after_the_block(make_video: MakeVideo) -> None:
    path = make_video()
    with open_container(path) as container:
        stream = video_stream(path, container, None)
        next(container.decode(stream))
    with pytest.raises((AssertionError, ValueError)):
        next(container.decode(stream))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_frames_are_counted(make_video: MakeVideo, name: str) -> None:
    path = make_video(name, codec="mpeg4" if name.endswith("avi") else "libx264")
    with open_container(path) as container:
        stream = video_stream(path, container, None)
        assert frame_count(path, container, stream) == 12
        if not name.endswith("avi"):  # its unit of time is the rate
            assert average_rate(stream) == pytest.approx(24, rel=0.05)


def test_large_files_are_not_counted(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_module, "COUNTED_BYTES", 1000)
    path = make_video("a.mkv")
    with open_container(path) as container:
        assert frame_count(path, container, video_stream(path, container, None)) is None


def test_one_of_several_video_streams_is_read(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        sizes = ((64, 96), (48, 64))
        streams = [add_video(container, "libx264", "yuv420p", size, {}) for size in sizes]
        for index in range(4):
            for stream, size in zip(streams, sizes, strict=True):
                container.mux(encode_picture(stream, picture(index, size), index / 24))
        for stream in streams:
            container.mux(stream.encode(None))
    first = open_source(path)
    assert first.info.size_hw == (64, 96)
    assert any("2 video streams" in warning for warning in first.warnings)
    second = open_source(path, options=ReadOptions(stream=1))
    assert second.warnings == ()
    assert [frame.size_hw for frame in second] == [(48, 64)] * 4
    with pytest.raises(MediaError, match=r"stream=2: got 2 video streams, expected .* 0 to 1"):
        open_source(path, options=ReadOptions(stream=2))


def test_rate_of_avi_is_that_of_its_pictures_and_not_of_its_clock(tmp_path: Path) -> None:
    """Between pictures AVI has empty ones, which say nothing of how long the last is shown."""
    path = Clip(name="held.avi", codec="mpeg4", times=[0, 3 / 24, 6 / 24, 9 / 24]).make(tmp_path)
    source = open_source(path)
    assert source.info.frames_per_second == 8
    assert source.info.frame_count == 4
    frames = list(source)
    assert [frame.time_seconds for frame in frames] == [0, 0.125, 0.25, 0.375]
    assert frames[-1].duration_seconds is None
