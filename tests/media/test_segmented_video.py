"""Videos in segments: the same pictures and times, however often their writing broke off."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import picture

from persam_vos.errors import OutputError
from persam_vos.media import segmented_video
from persam_vos.media.reader import open_source
from persam_vos.media.segmented_video import SegmentedVideo, remove_segments
from persam_vos.media.video_writer import VideoWriter
from persam_vos.structures import SourceInfo

INFO = SourceInfo("frames", "images", (63, 96), None, Fraction(24))
TIMES = [0.0, 0.04, 0.08, 0.2, 0.21, 0.25, 0.3, 0.35, 0.36, 5000.0, 5000.1]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmented_video, "SEGMENT_PICTURES", 4)


def pictures(path: Path) -> list[tuple[int, int, bytes]]:
    """Time, duration and pixels of each picture."""
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        spans = [packet.duration for packet in video.demux(stream) if packet.pts is not None]
        video.seek(0)
        shown = [(one.pts, one.to_ndarray().tobytes()) for one in video.decode(stream)]
    return [(pts, span, pixels) for (pts, pixels), span in zip(shown, spans, strict=True)]


def write(video: VideoWriter | SegmentedVideo, first: int = 0, end: int = len(TIMES)) -> None:
    for index in range(first, end):
        video.write(picture(index, INFO.size_hw), TIMES[index], 0.07)


def segmented(folder: Path, *, kept: int = 0, constant_rate: bool = False) -> SegmentedVideo:
    out, parts = folder / "out.mp4", folder / "parts"
    return SegmentedVideo(out, parts, INFO, constant_rate=constant_rate, kept=kept)


@pytest.mark.parametrize("constant_rate", [False, True])
def test_pictures_and_times_are_those_of_a_video_in_one_piece(
    tmp_path: Path, constant_rate: bool
) -> None:
    with VideoWriter(tmp_path / "whole.mp4", INFO, constant_rate=constant_rate) as whole:
        write(whole)
    video = segmented(tmp_path, constant_rate=constant_rate)
    write(video)
    video.close()
    one, other = pictures(tmp_path / "out.mp4"), pictures(tmp_path / "whole.mp4")
    assert [part[:2] for part in one] == [part[:2] for part in other]
    assert [word.split(": ")[1] for word in video.warnings] == [
        word.split(": ")[1] for word in whole.warnings
    ]
    for (*_, pixels), (*_, expected) in zip(one, other, strict=True):
        difference = np.frombuffer(pixels, np.uint8).astype(int) - np.frombuffer(expected, np.uint8)
        assert np.abs(difference).mean() < 1, "key frames are elsewhere"


@pytest.mark.parametrize("constant_rate", [False, True])
@pytest.mark.parametrize("broken", [1, 4, 5, 10, 11])
@pytest.mark.parametrize("killed", [False, True])
def test_what_broke_off_goes_on_to_the_very_same_video(
    tmp_path: Path, broken: int, killed: bool, constant_rate: bool
) -> None:
    whole = segmented(tmp_path / "whole", constant_rate=constant_rate)
    write(whole)
    whole.close()
    video = segmented(tmp_path, constant_rate=constant_rate)
    write(video, 0, broken)
    if not killed:
        video.close()
        assert len(pictures(tmp_path / "out.mp4")) >= 1
    again = segmented(tmp_path, constant_rate=constant_rate, kept=broken)
    assert again.count == (broken - 1) // 4 * 4
    write(again, again.count)
    again.close()
    assert pictures(tmp_path / "out.mp4") == pictures(tmp_path / "whole/out.mp4")
    video.abort()


def test_segments_can_be_played_and_no_more_stay_than_are_kept(tmp_path: Path) -> None:
    video = segmented(tmp_path)
    write(video)
    video.close()
    assert [len(pictures(path)) for path in sorted((tmp_path / "parts").glob("*.mp4"))] == [4, 4, 3]
    assert segmented(tmp_path, kept=7).count == 4
    assert [path.stem for path in (tmp_path / "parts").glob("*.mp4")] == ["000000"]
    (tmp_path / "parts/000000.json").write_text("{")
    assert segmented(tmp_path, kept=7).count == 0
    remove_segments(tmp_path / "parts")
    assert not (tmp_path / "parts").exists()


def test_without_a_picture_there_is_no_video(tmp_path: Path) -> None:
    segmented(tmp_path).close()
    assert not (tmp_path / "out.mp4").exists()


def test_a_folder_that_goes_away_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    video = segmented(tmp_path)
    (tmp_path / "parts").rmdir()
    with pytest.raises(OutputError, match=r"cannot write .*000000\.mp4: got no such folder"):
        write(video)
    assert list(tmp_path.iterdir()) == []


def test_sound_is_carried_over_from_segment_to_segment(
    tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    source = open_source(make_video("a.mp4", audio="aac", times=[i / 24 for i in range(40)]))
    video = SegmentedVideo(tmp_path / "out.mp4", tmp_path / "parts", source.info)
    with VideoWriter(tmp_path / "whole.mp4", source.info) as whole:
        for frame in source:
            video.write(frame.image, frame.time_seconds, frame.duration_seconds)
            whole.write(frame.image, frame.time_seconds, frame.duration_seconds)
    video.close()
    assert video.warnings == ()
    sounds = []
    for name in ("out.mp4", "whole.mp4"):
        with av.open(str(tmp_path / name)) as container:
            packets = container.demux(container.streams.audio[0])
            sounds.append([(packet.pts, bytes(packet)) for packet in packets])
    assert sounds[0] == sounds[1]
