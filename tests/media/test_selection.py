"""A part of a video keeps the numbers and times of the whole."""

from __future__ import annotations

from pathlib import Path

import odd_images as images
import pytest
from odd_videos import Clip

from persam_vos.errors import MediaError, UsageError
from persam_vos.media.reader import open_source
from persam_vos.media.selection import Selection, seconds_of, select

RATE = 24


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip(audio=True).make(tmp_path)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), range(12)),
        (Selection(3), range(3, 12)),
        (Selection(None, 4), range(5)),
        (Selection(3, 9, 3), range(3, 10, 3)),
        (Selection(None, None, 5), range(0, 12, 5)),
        (Selection(2, 99), range(2, 12)),
        (Selection("00:00:00.125"), range(3, 12)),
        (Selection("00:00:00.126"), range(4, 12)),
        (Selection("0.1s", "0:00.25"), range(3, 7)),
        (Selection("0s", "0s"), range(1)),
    ],
    ids=str,
)
def test_frames_are_chosen_by_index_and_by_time(clip: Path, selection, expected: range) -> None:
    whole = list(open_source(clip))
    source = select(open_source(clip), selection)
    frames = list(source)
    assert [frame.index for frame in frames] == list(expected)
    assert [frame.name for frame in frames] == [whole[index].name for index in expected]
    assert [frame.time_seconds for frame in frames] == [whole[i].time_seconds for i in expected]
    assert source.info.frame_count == len(expected)
    assert source.info.first_frame == expected[0]
    assert source.info.last_frame == expected[-1]
    assert [frame.index for frame in source.frames_reversed(expected[-1])] == list(expected)[::-1]
    assert [frame.index for frame in source.frames(expected[-1])] == [expected[-1]]


def test_times_follow_a_variable_rate(tmp_path: Path) -> None:
    path = Clip(times=[0, 0.1, 0.15, 0.4, 1.0, 1.9]).make(tmp_path)
    source = select(open_source(path), Selection("0.11s", "1s"))
    assert [frame.index for frame in source] == [2, 3, 4]


def test_images_have_times_and_names_too(tmp_path: Path) -> None:
    made = images.frames("7.png", "8.png", "9.png", "10.png")(tmp_path)
    source = select(open_source(made), Selection(1, "00:00:00.09"))
    assert [frame.name for frame in source] == ["8", "9"]
    assert source.index_of("10") == 3
    assert source.names_of(9) == {2: "9"}
    assert len(source.files) == 4


@pytest.mark.parametrize(
    "selection", [Selection(12), Selection("9s"), Selection(5, 4), Selection("0.3s", "0.1s")]
)
def test_nothing_chosen_is_an_error(clip: Path, selection: Selection) -> None:
    with pytest.raises(MediaError, match="got no frame from"):
        select(open_source(clip), selection)


@pytest.mark.parametrize(
    "given",
    [{"start": -1}, {"end": -3}, {"stride": 0}, {"start": "1.5"}, {"end": "a:b"}, {"start": ""}],
)
def test_what_is_no_frame_or_time_is_explained(given) -> None:
    with pytest.raises(UsageError, match=r"(start|end|stride): got "):
        Selection(**given)


def test_times_are_read_as_people_write_them() -> None:
    texts = {"0s": 0, "12.5s": 12.5, "1:30": 90, "01:00:00": 3600, "00:00:01.040": 1.04}
    assert {text: seconds_of(text, "start") for text in texts} == texts
