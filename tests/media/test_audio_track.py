"""The sound of a source in the video that is written: copied or encoded, in time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import picture

from persam_vos.media.reader import open_source
from persam_vos.media.video_writer import VideoWriter

MakeVideo = Callable[..., Path]


def copy(source: Path, target: Path, limit: int | None = None) -> VideoWriter:
    opened = open_source(source)
    with VideoWriter(target, opened.info) as writer:
        for frame in opened:
            if limit is None or frame.index < limit:
                writer.write(frame.image, frame.time_seconds)
    return writer


def clicks(path: Path) -> list[float]:
    """Times at which the sound begins after silence."""
    resampler = av.AudioResampler("flt", "mono", 48_000)
    starts: list[float] = []
    last = -1.0
    with av.open(str(path)) as container:
        for decoded in container.decode(audio=0):
            for frame in resampler.resample(decoded):
                for sample in np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.1):
                    seconds = float(frame.time) + sample / 48_000
                    if seconds - last > 0.1:
                        starts.append(seconds)
                    last = seconds
    return starts


@pytest.mark.parametrize(
    ("name", "audio", "codec"),
    [
        ("a.mp4", "aac", "aac"),
        ("a.ts", "aac", "aac"),
        ("a.mkv", "ac3", "ac3"),
        ("a.mkv", "libopus", "aac"),
        ("a.mkv", "pcm_s16le", "aac"),
        ("a.avi", "libmp3lame", "mp3float"),
    ],
)
def test_sound_is_carried_over_in_time(
    tmp_path: Path, make_video: MakeVideo, name: str, audio: str, codec: str
) -> None:
    video = "mpeg4" if name.endswith("avi") else "libx264"
    source = make_video(name, audio=audio, codec=video, times=[i / 24 for i in range(40)])
    writer = copy(source, tmp_path / "out.mp4")
    assert writer.warnings == ()
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == codec
    assert clicks(tmp_path / "out.mp4") == pytest.approx([0, 0.5, 1.0, 1.5], abs=0.03)


def test_sound_keeps_its_place_when_the_pictures_begin_later(tmp_path: Path, make_video) -> None:
    source = make_video(audio="aac", times=[0.25 + i / 24 for i in range(40)])
    copy(source, tmp_path / "out.mp4")
    assert clicks(tmp_path / "out.mp4") == pytest.approx([0.25, 0.75, 1.25, 1.75][:3], abs=0.03)


@pytest.mark.parametrize("audio", ["aac", "flac"])
def test_a_video_from_a_later_frame_on_begins_at_0_with_the_sound_of_there(
    tmp_path: Path, make_video: MakeVideo, audio: str
) -> None:
    opened = open_source(make_video("in.mkv", audio=audio, times=[i / 24 for i in range(48)]))
    with VideoWriter(tmp_path / "out.mp4", opened.info) as writer:
        for frame in opened.frames(6):
            writer.write(frame.image, frame.time_seconds)
    assert clicks(tmp_path / "out.mp4")[:3] == pytest.approx([0.25, 0.75, 1.25], abs=0.03)
    times = [frame.time_seconds for frame in open_source(tmp_path / "out.mp4")]
    assert times == pytest.approx([i / 24 for i in range(42)], abs=1e-3)


def test_sound_ends_with_the_pictures(tmp_path: Path, make_video: MakeVideo) -> None:
    copy(make_video(audio="aac", times=[i / 24 for i in range(48)]), tmp_path / "out.mp4", limit=12)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.duration / av.time_base < 0.6


def test_sound_that_cannot_be_had_is_a_warning(tmp_path: Path, make_video: MakeVideo) -> None:
    source = make_video(audio="aac")
    opened = open_source(source)
    source.unlink()
    with VideoWriter(tmp_path / "out.mp4", opened.info) as writer:
        writer.write(picture(0), 0.0)
    assert (
        "sound track 0 (No such file or directory) could not be carried over" in writer.warnings[0]
    )
    assert len(list(open_source(tmp_path / "out.mp4"))) == 1
