"""The files of the demo clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from persam_vos.demo.render import render_demo
from persam_vos.demo.write import write_demo
from persam_vos.errors import OutputError, UsageError
from persam_vos.media.label_png import read_label_map
from persam_vos.media.reader import open_source


def test_the_files_are_the_rendered_clip(tmp_path: Path) -> None:
    clip = write_demo(tmp_path / "demo", frame_count=2)
    frames = list(open_source(clip.video).frames())
    rendered = list(render_demo(2))
    assert len(frames) == 2
    for index, (image, labels) in enumerate(rendered):
        difference = frames[index].image.astype(int) - image
        assert np.abs(difference).mean() < 3
        np.testing.assert_array_equal(read_label_map(clip.truth / f"{index:05d}.png"), labels)
    np.testing.assert_array_equal(read_label_map(clip.first_mask), rendered[0][1])


@pytest.mark.parametrize("there", ["clip.mp4", "first_mask.png", "truth/00000.png"])
def test_what_is_there_is_not_touched_without_overwrite(tmp_path: Path, there: str) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="no earlier run lists"):
            write_demo(tmp_path, frame_count=1, overwrite=overwrite)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / there]
    assert (tmp_path / there).read_text() == "mine"


def test_an_earlier_clip_is_not_replaced_without_overwrite(tmp_path: Path) -> None:
    write_demo(tmp_path, frame_count=1)
    with pytest.raises(OutputError, match=r"already holds .*overwrite=True"):
        write_demo(tmp_path, frame_count=1)


def test_overwrite_replaces_the_clip_and_nothing_else(tmp_path: Path) -> None:
    write_demo(tmp_path, frame_count=2)
    (tmp_path / "truth/notes.txt").write_text("mine")
    write_demo(tmp_path, frame_count=1, overwrite=True)
    assert sorted(path.name for path in (tmp_path / "truth").iterdir()) == [
        "00000.png",
        "notes.txt",
    ]


def test_a_wrong_length_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 frames"):
        write_demo(tmp_path / "demo", frame_count=0)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="a file where a folder is needed"):
        write_demo(tmp_path / "file" / "demo", frame_count=1)
