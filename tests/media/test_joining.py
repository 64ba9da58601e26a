"""Pictures and times of parts, one behind the other in a file."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from persam_vos.media.joining import Part, join, video_warnings
from persam_vos.media.picture_encoder import H264, PictureEncoder
from persam_vos.media.picture_times import PictureTimes
from persam_vos.structures import SourceInfo

INFO = SourceInfo("frames", "images", (64, 96), None, Fraction(24))


def part(path: Path, values: range, base_pts: int, *, fragments: bool) -> Part:
    encoder = PictureEncoder(path, INFO, H264, fragments=fragments)
    for place, value in enumerate(values):
        encoder.encode(np.full((64, 96, 3), 20 * value, np.uint8), place * 5000, 5000)
    encoder.finish()
    return Part(path, base_pts)


def test_parts_follow_each_other_at_their_times(tmp_path: Path) -> None:
    parts = [
        part(tmp_path / "0.mp4", range(3), 0, fragments=True),
        part(tmp_path / "1.mp4", range(3, 5), 20_000, fragments=False),
    ]
    times = PictureTimes(Fraction(1, 24), Fraction(1, 120_000))
    metadata = {"handler_name": "objects"}
    problems = join(parts, tmp_path / "a.mp4", "mp4", times, sound_of=INFO, metadata=metadata)
    assert problems == []
    with av.open(str(tmp_path / "a.mp4")) as video:
        assert video.streams.video[0].metadata["handler_name"] == "objects"
        shown = [(frame.time, frame.to_ndarray(format="rgb24").mean()) for frame in video.decode()]
    seconds, means = zip(*shown, strict=True)
    np.testing.assert_allclose(seconds, [0, 1 / 24, 2 / 24, 4 / 24, 5 / 24], atol=1e-4)
    np.testing.assert_allclose(means, [0, 20, 40, 60, 80], atol=1)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "it starts at once over a network"


def test_pictures_that_are_gone_are_told(tmp_path: Path) -> None:
    times = PictureTimes(Fraction(1, 24), Fraction(1, 120_000))
    short = replace(part(tmp_path / "0.mp4", range(3), 0, fragments=True), count=4)
    with pytest.raises(OSError, match="No space"):
        join([short], tmp_path / "a.mp4", "mp4", times, sound_of=None, metadata={})


def test_what_could_not_be_carried_over_is_told() -> None:
    times = PictureTimes(Fraction(1, 24), Fraction(1, 120_000), jumps=["the clock jumps"])
    told = video_warnings(Path("a.mp4"), ["sound track 0 (broken)"], times)
    assert told == (
        "a.mp4: the source's sound track 0 (broken) could not be carried over",
        "a.mp4: the clock jumps",
    )
