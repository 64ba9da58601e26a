"""Backwards as forwards: the same frames, pixel for pixel, and never many of them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_clips import picture
from PIL import Image

from persam_vos.errors import MediaError
from persam_vos.media import reversing
from persam_vos.media.read_options import Reader
from persam_vos.media.reader import Source, open_source
from persam_vos.media.reversing import Fingerprints, frames_held
from persam_vos.structures import Frame

MakeVideo = Callable[..., Path]
EVEN = [i / 24 for i in range(90)]
UNEVEN = [i / 24 + 0.011 * (i % 3) + (i > 40) for i in range(90)]
B_FRAMES = {"crf": "8", "g": "37", "bf": "5", "b_strategy": "0", "sc_threshold": "0"}
CLIPS: dict[str, tuple[str, dict[str, Any]]] = {
    "B-frames, odd key frames": ("b.mp4", {"codec_options": B_FRAMES}),
    "B-frames across key frames": ("open.mp4", {"codec_options": B_FRAMES | {"flags": "-cgop"}}),
    "uneven times": ("uneven.mp4", {"codec_options": B_FRAMES, "times": UNEVEN}),
    "uneven times, 1 ms grid": ("uneven.mkv", {"codec_options": B_FRAMES, "times": UNEVEN}),
    "starts late": ("late.mp4", {"times": [i / 24 + 0.5 for i in range(90)], "audio": "aac"}),
    "one key frame": ("long.mp4", {"codec_options": {"g": "999"}}),
    "no key frames but the first, refreshed": (
        "refresh.mp4",
        {"codec_options": {"x264-params": "intra-refresh=1:keyint=20"}},
    ),
    "all key frames, turned": ("turned.mov", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
    "hidden frames": ("vp9.webm", {"codec": "libvpx-vp9", "codec_options": {"g": "23"}}),
    "transport stream": ("clip.ts", {"codec_options": B_FRAMES}),
    "raw stream without times": ("raw.h264", {"codec_options": {"g": "20"}}),
}


def write_clip(make_video: MakeVideo, case: str) -> Path:
    name, options = CLIPS[case]
    if "turned" in case:
        options = options | {"rotation": (90, False)}
    return make_video(name, **({"times": EVEN} | options))


@pytest.fixture(autouse=True)
def few_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reversing, "FRAMES_HELD", 11)


def assert_same_reversed(source: Source, until: int) -> None:
    forwards = [frame for frame in source.frames() if frame.index <= until]
    backwards = list(source.frames_reversed(until))
    assert [frame.index for frame in backwards] == list(range(until, -1, -1))
    for one, other in zip(forwards, reversed(backwards), strict=True):
        assert (one.name, one.time_seconds) == (other.name, other.time_seconds)
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize("until", [89, 11])
@pytest.mark.parametrize("case", CLIPS)
def test_frames_reversed_are_those_forward(make_video: MakeVideo, case: str, until: int) -> None:
    assert_same_reversed(open_source(write_clip(make_video, case)), until)


DECORD_CLIPS = [case for case in CLIPS if "stream" not in case]


@pytest.mark.parametrize("case", DECORD_CLIPS)
def test_decord_reverses_its_own_frames(make_video: MakeVideo, case: str) -> None:
    assert_same_reversed(open_source(write_clip(make_video, case), reader="decord"), 80)


class Counting:
    """A source that counts how often it is read from its first frame on."""

    def __init__(self, source: Any, *, lies: bool = False) -> None:
        self.info, self._source, self._lies = source.info, source, lies
        self.starts: list[int] = []

    def frames(self, start: int = 0) -> Iterator[Frame]:
        self.starts.append(start)
        yield from self._source.frames(start)

    def frames_near(self, start: int, fingerprints: Fingerprints, run_up: int) -> Iterator[Frame]:
        near = self._source.frames_near(start, fingerprints, run_up)
        if self._lies:
            next(near)  # one frame too far, under the right number
        for index, frame in enumerate(near, start):
            yield Frame(index, f"{index:05d}", frame.image, frame.time_seconds)


@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_what_can_be_sought_in_is_not_read_from_its_start_again(
    make_video: MakeVideo, reader: Reader
) -> None:
    source = Counting(open_source(make_video(times=EVEN), reader=reader))
    assert len(list(reversing.reversed_frames(source, 89))) == 90
    assert source.starts == [0] * 4, "the first frames are read from the first on"


def test_a_seek_that_went_wrong_is_noticed(make_video: MakeVideo) -> None:
    source = Counting(open_source(make_video(times=EVEN)), lies=True)
    backwards = list(reversing.reversed_frames(source, 89))
    assert [frame.index for frame in backwards] == list(range(89, -1, -1))
    assert source.starts == [0] * 9
    for frame in backwards:
        assert abs(int(frame.image[60, 90, 2]) - int(picture(frame.index)[60, 90, 2])) < 12


@pytest.mark.parametrize("reader", ["pyav", pytest.param("decord", marks=pytest.mark.slow)])
def test_few_frames_are_held_at_once(make_video: MakeVideo, reader: Reader) -> None:
    def held() -> int:
        return sum(type(thing) is Frame for thing in gc.get_objects())

    source = open_source(make_video(times=EVEN), reader=reader)
    gc.collect()
    before = held()
    counts = [held() - before for _ in source.frames_reversed(89)]
    assert len(counts) == 90
    assert max(counts) <= reversing.FRAMES_HELD + 2


@pytest.mark.parametrize(
    ("size_hw", "count"),
    [((480, 854), 64), ((1080, 1920), 43), ((2160, 3840), 10), ((8640, 15360), 4)],
)
def test_large_pictures_are_held_in_smaller_numbers(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, size_hw: tuple[int, int], count: int
) -> None:
    monkeypatch.undo()
    info = replace(open_source(make_video()).info, size_hw=size_hw)
    assert frames_held(info) == count


def images(folder: Path, count: int) -> Path:
    folder.mkdir()
    for index in range(count):
        Image.fromarray(picture(index)).save(folder / f"shot{index}.png")
    return folder


def test_images_are_reversed_too(tmp_path: Path) -> None:
    for until in (0, 4, 11):
        assert_same_reversed(open_source(images(tmp_path / str(until), 12)), until)


def sources(make_video: MakeVideo, tmp_path: Path) -> list[Source]:
    path = make_video()
    found = [open_source(path, reader=reader) for reader in ("pyav", "decord")]
    return [*found, open_source(images(tmp_path / "images", 12))]


def test_frames_can_be_had_from_a_later_one_on(make_video: MakeVideo, tmp_path: Path) -> None:
    for source in sources(make_video, tmp_path):
        every, later = list(source.frames()), list(source.frames(9))
        assert [frame.index for frame in later] == [9, 10, 11]
        for one, other in zip(every[9:], later, strict=True):
            assert (one.name, one.time_seconds) == (other.name, other.time_seconds)
            np.testing.assert_array_equal(one.image, other.image)


def test_a_frame_that_is_not_there_is_explained(make_video: MakeVideo, tmp_path: Path) -> None:
    for source in sources(make_video, tmp_path):
        for frames in (source.frames(12), source.frames_reversed(12)):
            with pytest.raises(MediaError, match=r"frame 12: got 12 frames, .* 0 to 11; count"):
                next(frames)


def test_damage_before_the_frame_is_told_at_once(make_video: MakeVideo) -> None:
    path = make_video(times=EVEN, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match=r"got \d+ frames .*the frames before it are good"):
        next(open_source(path).frames_reversed(89))
