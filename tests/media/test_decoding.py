"""Packets to pictures: what is damaged keeps its number."""

from __future__ import annotations

from pathlib import Path

import odd_videos as videos
import pytest
from odd_videos import Clip

from persam_vos.errors import MediaError
from persam_vos.media.container import open_container, video_stream
from persam_vos.media.decoding import Picture, decoded, picture_stamps

ONE_GOP = {"g": "100", "bf": "0"}


def read(path: Path, *, believe_end: bool = True) -> list[Picture]:
    with open_container(path) as container:
        stream = video_stream(path, container, None)
        return list(decoded(path if believe_end else None, container, stream))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_stamps_are_those_of_the_pictures(tmp_path: Path, name: str) -> None:
    path = Clip(name=name).make(tmp_path)
    stamps = [picture.pts for picture in read(path)]
    with open_container(path) as container:
        stream = video_stream(path, container, None)
        assert list(picture_stamps(container, stream, stamps[0])) == stamps
        assert len(stamps) == 12


def test_raw_streams_have_no_stamps(tmp_path: Path) -> None:
    path = Clip(name="a.h264").make(tmp_path)
    assert len(read(path)) == 12


@pytest.mark.parametrize("number", [1, 5, 11])
def test_a_damaged_picture_repeats_the_one_before_and_keeps_its_time(
    tmp_path: Path, number: int
) -> None:
    whole = [picture.pts for picture in read(Clip(options=ONE_GOP).make(tmp_path))]
    pictures = read(videos.hit(Clip(options=ONE_GOP), number)(tmp_path))
    assert [picture.pts for picture in pictures] == whole
    assert [index for index, one in enumerate(pictures) if one.damaged] == [number]
    assert pictures[number].frame is pictures[number - 1].frame


def test_a_stream_that_is_not_a_file_ends_where_it_ends(tmp_path: Path) -> None:
    path = videos.cut(Clip(name="a.mkv", options={"g": "4"}), 0.7)(tmp_path)
    assert read(path, believe_end=False)
    with pytest.raises(MediaError, match="the frames before it are good"):
        read(path)
