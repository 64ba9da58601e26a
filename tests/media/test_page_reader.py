"""Several pictures in one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import odd_images as images
import pytest
from media_clips import picture

from persam_vos.errors import MediaError
from persam_vos.media.page_reader import PageSource
from persam_vos.media.reader import open_source


def source(path: Path, *, name: str = "a.webp", **options: object) -> PageSource:
    made = images.pages(name, count=4, **options)(path)
    opened = open_source(made)
    assert isinstance(opened, PageSource)
    return opened


def test_pictures_have_the_times_that_the_file_gives(tmp_path: Path) -> None:
    opened = source(tmp_path, lossless=True, duration=[100, 300, 100, 500])
    frames = list(opened)
    assert [round(frame.time_seconds, 3) for frame in frames] == [0.0, 0.1, 0.4, 0.5]
    assert frames[-1].duration_seconds == pytest.approx(0.5)
    assert opened.info.frames_per_second == 4
    assert [opened.index_at(seconds) for seconds in (0, 0.1, 0.2, 0.45, 9)] == [0, 1, 2, 3, 4]


def test_pages_are_those_of_24_a_second(tmp_path: Path) -> None:
    opened = source(tmp_path, name="a.tif")
    assert opened.info.frames_per_second == 24
    assert [frame.name for frame in opened.frames(2)] == ["00002", "00003"]


@pytest.mark.parametrize("name", ["a.tif", "a.webp"])
def test_backwards_they_are_the_same(tmp_path: Path, name: str) -> None:
    opened = source(tmp_path, name=name)
    backwards = list(opened.frames_reversed(3))
    assert [frame.index for frame in backwards] == [3, 2, 1, 0]
    for frame in backwards:
        if name == "a.tif":
            np.testing.assert_array_equal(frame.image, picture(frame.index))


def test_a_page_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="frame 4: got 4 frames"):
        next(source(tmp_path).frames(4))


def test_frames_have_numbers_for_names(tmp_path: Path) -> None:
    opened = source(tmp_path)
    assert opened.index_of("00002") == 2
    assert opened.index_of("x") is None
    assert opened.names_of(2) == {2: "00002"}
