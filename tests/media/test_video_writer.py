from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import picture

from persam_vos.errors import OutputError
from persam_vos.media.reader import open_source
from persam_vos.media.video_writer import VideoWriter
from persam_vos.structures import SourceInfo

MakeVideo = Callable[..., Path]


def facts(size_hw: tuple[int, int] = (64, 96), rate: Fraction = Fraction(24)) -> SourceInfo:
    return SourceInfo("frames", "images", size_hw, None, rate)


def copy(source: Path, target: Path, limit: int | None = None) -> VideoWriter:
    opened = open_source(source)
    with VideoWriter(target, opened.info) as writer:
        for frame in opened:
            if limit is None or frame.index < limit:
                writer.write(frame.image, frame.time_seconds)
    return writer


def write_all(
    path: Path, images: Sequence[np.ndarray], info: SourceInfo, times: Sequence[float] | None = None
) -> None:
    with VideoWriter(path, info) as writer:
        for index, image in enumerate(images):
            seconds = times[index] if times else float(index / info.frames_per_second)
            writer.write(image, seconds)


def test_video_plays_everywhere_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    images = [picture(i) for i in range(10)]
    write_all(path, images, facts())
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.codec.name, context.pix_fmt) == ("h264", "yuv420p")
        tags = context.colorspace, context.color_range, context.color_primaries, context.color_trc
        assert tags == (1, 1, 1, 1)
        assert stream.average_rate == 24
        assert stream.duration * stream.time_base == Fraction(10, 24)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    for frame, image in zip(open_source(path), images, strict=True):
        assert np.median(np.abs(frame.image.astype(int) - image)) <= 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(25), Fraction(30_000, 1001), Fraction(60)])
def test_frame_rate_is_preserved(tmp_path: Path, rate: Fraction) -> None:
    write_all(tmp_path / "a.mp4", [picture(i) for i in range(12)], facts(rate=rate))
    info = open_source(tmp_path / "a.mp4").info
    assert info.frames_per_second == rate


def test_variable_frame_rate_and_its_duration_are_preserved(tmp_path: Path, make_video) -> None:
    times = [0.0, 0.1, 0.15, 0.4, 0.41, 1.0, 1.9]
    copy(make_video(times=times), tmp_path / "out.mp4")
    frames = list(open_source(tmp_path / "out.mp4"))
    assert [frame.time_seconds for frame in frames] == pytest.approx(times, abs=1e-3)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert 1.9 < float(stream.duration * stream.time_base) < 2.4


def test_times_rounded_by_the_container_go_back_on_the_grid(tmp_path: Path, make_video) -> None:
    copy(make_video("a.mkv"), tmp_path / "out.mp4")
    assert open_source(tmp_path / "out.mp4").info.frames_per_second == 24


def test_times_that_do_not_rise_are_made_to(tmp_path: Path) -> None:
    write_all(tmp_path / "a.mp4", [picture(0)] * 4, facts(), times=[0.0, 0.5, 0.5, 0.2])
    assert len(list(open_source(tmp_path / "a.mp4"))) == 4


def test_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "a.mp4", facts()) as writer:
        writer.write(picture(0), 0.0)
        writer.write(picture(1), 0.1)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_closing_without_pictures_leaves_nothing(tmp_path: Path) -> None:
    VideoWriter(tmp_path / "a.mp4", facts()).close()
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", facts())
    writer.write(picture(0), 0.0)
    writer.close()
    writer.close()
    assert len(list(open_source(tmp_path / "a.mp4"))) == 1


def test_unwritable_place_is_explained(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such folder"):
        VideoWriter(tmp_path / "gone" / "a.mp4", facts())
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="a file where a folder is needed"):
        VideoWriter(tmp_path / "file" / "a.mp4", facts())


def test_full_disk_is_explained_and_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    noise = np.random.default_rng(0).integers(0, 255, (20, 240, 320, 3), np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match="cannot write"):
            write_all(tmp_path / "a.mp4", list(noise), facts((240, 320)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_program_leaves_can_be_played(tmp_path: Path) -> None:
    """Of each second but the last; nothing has the final name."""
    writer = VideoWriter(tmp_path / "a.mp4", facts())
    for index in range(100):
        writer.write(picture(index), index / 24)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".part-")
    killed = tmp_path / "killed.mp4"
    killed.write_bytes(left.read_bytes())
    writer.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "killed.mp4"]
    whole = [frame.image for frame in open_source(tmp_path / "a.mp4")]
    played = [frame.image for frame in open_source(killed)]
    assert 48 <= len(played) < len(whole) == 100
    for frame, image in zip(played, whole, strict=False):
        np.testing.assert_array_equal(frame, image)
