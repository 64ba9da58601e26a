"""Frames by decord: those of PyAV, or an error that names PyAV as the way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from media_clips import picture

from persam_vos.errors import MediaError, UsageError
from persam_vos.media import decord_reader
from persam_vos.media.decord_reader import DecordSource
from persam_vos.media.reader import open_source

MakeVideo = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("no_thread_is_left")


def test_decord_refuses_mirrored_videos(make_video: MakeVideo) -> None:
    with pytest.raises(MediaError, match=r"mirrored.*use reader='pyav'"):
        open_source(make_video(rotation=(0, True)), reader="decord")


def test_readers_agree(make_video: MakeVideo) -> None:
    path = make_video(audio="aac")
    ours, theirs = list(open_source(path)), list(open_source(path, reader="decord"))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.time_seconds == pytest.approx(other.time_seconds, abs=1e-4)
        assert np.abs(one.image.astype(int) - other.image).mean() < 3
    assert open_source(path).info == open_source(path, reader="decord").info
    assert open_source(path).info.has_audio


@pytest.mark.parametrize("name", ["raw.h264", "clip.ts"])
def test_what_decord_cannot_do_names_the_other_reader(make_video: MakeVideo, name: str) -> None:
    with pytest.raises(MediaError, match=r"decord.*use reader='pyav'") as caught:
        list(open_source(make_video(name), reader="decord"))
    assert "\n" not in str(caught.value)
    assert ".cc" not in str(caught.value)


def test_frames_begin_where_one_says(make_video: MakeVideo) -> None:
    frames = list(DecordSource(make_video()).frames(10))
    assert [one.index for one in frames] == [10, 11]
    for one in frames:
        assert np.abs(one.image.astype(int) - picture(one.index)).mean() < 4


def test_a_frame_that_is_not_there_is_named(make_video: MakeVideo) -> None:
    with pytest.raises(MediaError, match="frame 12: got 12 frames"):
        next(DecordSource(make_video()).frames(12))


def test_where_it_is_not_installed_one_line_says_what_to_do(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decord_reader, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"not installed.*pip install decord.*reader='pyav'"):
        open_source(make_video(), reader="decord")
