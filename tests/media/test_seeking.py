"""Frames far in a video are those of a full decode: number, time, duration and pixels."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from odd_videos import Clip, hit, renamed

from persam_vos.errors import MediaError
from persam_vos.media.reader import open_source
from persam_vos.media.seeking import NEAR, Entry
from persam_vos.media.video_reader import VideoSource
from persam_vos.structures import Frame

COUNT = 110
START = 87
TIMES = tuple(i / 24 for i in range(COUNT))
VARIABLE = tuple(i / 24 + 0.013 * (i % 3) for i in range(COUNT))
GOP = {"g": "12"}


def clip(name: str = "clip.mp4", codec: str = "libx264", **options: object) -> Clip:
    given = {
        "name": name,
        "codec": codec,
        "size_hw": (64, 96) if codec == "libx265" else (32, 48),
        "times": TIMES,
        "options": GOP,
    }
    return Clip(**{**given, **options})  # type: ignore[arg-type]  # a table of many kinds


def x264(parameters: str) -> dict[str, str]:
    return {"x264-params": parameters}


def x265(parameters: str) -> dict[str, str]:
    return {"x265-params": f"log-level=none:{parameters}"}


SOUGHT: dict[str, Callable[[Path], Path]] = {
    "B-frames": clip().make,
    "B-frames in a pyramid": clip(options=GOP | {"bf": "8", "b-pyramid": "normal"}).make,
    "open groups": clip(options=x264("open-gop=1:keyint=12:bframes=3")).make,
    "a variable rate": clip(times=VARIABLE).make,
    "Matroska": clip("clip.mkv").make,
    "Matroska, open groups": clip("clip.mkv", options=x264("open-gop=1:keyint=12")).make,
    "MPEG-TS": clip("clip.ts").make,
    "MPEG-TS from ten seconds on": clip("clip.ts", times=tuple(10 + t for t in TIMES)).make,
    "fragments": clip(container={"movflags": "frag_keyframe+empty_moov"}).make,
    "an edit list that hides frames": clip(
        times=tuple((i - 5) / 24 for i in range(COUNT + 5))
    ).make,
    "a late start with sound": clip(times=tuple(0.5 + t for t in TIMES), audio=True).make,
    "HEVC": clip("clip.mp4", "libx265", options=GOP | x265("keyint=12:open-gop=0")).make,
    "HEVC, open groups": clip("clip.mkv", "libx265", options=x265("keyint=12:open-gop=1")).make,
    "MPEG-2": clip("clip.ts", "mpeg2video", options=GOP | {"bf": "2"}).make,
    "VP8": clip("clip.webm", "libvpx", options=GOP | {"auto-alt-ref": "1"}).make,
    "VP9": clip("clip.webm", "libvpx-vp9", options=GOP | {"deadline": "realtime"}).make,
    "Motion JPEG": clip("clip.avi", "mjpeg", pixel_format="yuvj420p", colour=(5, 2, 1)).make,
    "FFV1": clip("clip.mkv", "ffv1", pixel_format="yuv444p").make,
}
NOT_SOUGHT: dict[str, Callable[[Path], Path]] = {
    "one group": clip(options={"g": "999", "bf": "3"}).make,
    "a damaged picture on the way": hit(clip(options={"g": "40", "bf": "0"}), 83),
    "no time stamps": clip("clip.h264").make,
    "GIF": clip("clip.gif", "gif", pixel_format="rgb8", options={}).make,
    "interlaced": clip(options=GOP | x264("interlaced=1")).make,
    "no key frames after the first": clip(options=x264("intra-refresh=1:keyint=12")).make,
    "a raw stream called .mp4": renamed(clip("clip.h264"), "clip.mp4"),
}


def facts(frames: list[Frame]) -> list[tuple[object, ...]]:
    return [
        (one.index, one.name, one.time_seconds, one.duration_seconds, zlib.crc32(one.image.data))
        for one in frames
    ]


@pytest.mark.parametrize("kind", SOUGHT | NOT_SOUGHT)
def test_frames_are_those_of_a_full_decode(tmp_path: Path, kind: str) -> None:
    path = (SOUGHT | NOT_SOUGHT)[kind](tmp_path)
    source = open_source(path)
    assert isinstance(source, VideoSource)
    every = facts(list(source.frames()))
    assert len(every) == COUNT
    assert facts(list(source.frames(START))) == every[START:]
    entry = source._entry(START)
    if kind in NOT_SOUGHT:
        assert entry == Entry()
    else:
        assert entry.ticks is not None
        assert 30 < entry.index <= START


def test_what_is_near_is_not_sought(tmp_path: Path) -> None:
    source = open_source(clip().make(tmp_path))
    assert isinstance(source, VideoSource)
    assert source._entry(NEAR) == Entry()


def test_a_file_that_was_cut_short_says_so_with_its_true_count(tmp_path: Path) -> None:
    path = clip(container={"movflags": "faststart"}).make(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.93)])
    source = open_source(path)
    errors, counts = [], []
    for start in (0, START):
        frames = source.frames(start)
        count = start
        with pytest.raises(MediaError, match="the frames before it are good") as caught:
            for frame in frames:
                count = frame.index + 1
        errors.append(str(caught.value))
        counts.append(count)
    assert counts[0] == counts[1] > START
    assert errors[0] == errors[1]


def test_a_frame_beyond_the_last_is_told(tmp_path: Path) -> None:
    source = open_source(clip().make(tmp_path))
    with pytest.raises(MediaError, match=f"got {COUNT} frames, expected a frame from 0 to"):
        list(source.frames(5 * COUNT))
