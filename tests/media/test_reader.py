from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_clips import picture
from PIL import Image

from persam_vos.errors import MediaError
from persam_vos.media.reader import open_source

MakeVideo = Callable[..., Path]


def save(path: Path, image: np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)
    return path


def test_folder_is_read_in_natural_order_and_named_by_stem(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        save(tmp_path / f"frame{number}.png", picture(number))
    source = open_source(tmp_path)
    frames = list(source)
    assert [frame.name for frame in frames] == ["frame1", "frame2", "frame10"]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.time_seconds * 24 for frame in frames] == pytest.approx([0, 1, 2])
    np.testing.assert_array_equal(frames[2].image, picture(10))
    assert source.info.kind == "images"
    assert source.info.frame_count == 3
    assert source.info.size_hw == (64, 96)


def test_source_can_be_read_twice(tmp_path: Path, make_video: MakeVideo) -> None:
    save(tmp_path / "frames" / "a.png", picture(0))
    for source in (open_source(tmp_path / "frames"), open_source(make_video())):
        first, second = list(source), list(source)
        assert len(first) == len(second) > 0
        np.testing.assert_array_equal(first[-1].image, second[-1].image)


def test_what_is_no_image_is_ignored(tmp_path: Path) -> None:
    save(tmp_path / "a.JPG", picture(0))
    for name in ("Thumbs.db", "notes.txt", ".DS_Store", "._a.jpg"):
        (tmp_path / name).write_bytes(b"\0")
    (tmp_path / "b.png").mkdir()
    assert [frame.name for frame in open_source(tmp_path)] == ["a"]


@pytest.mark.parametrize("name", ["a b", "снимок", "100%d", "[x]", "a:b", "a=b", "star*"])
def test_odd_names_of_folders_and_files_are_taken_as_they_are(
    tmp_path: Path, make_video: MakeVideo, name: str
) -> None:
    save(tmp_path / name / f"{name}.png", picture(0))
    assert [frame.name for frame in open_source(tmp_path / name)] == [name]
    for reader in ("pyav", "decord"):
        assert len(list(open_source(make_video(f"{name}.mp4"), reader=reader))) == 12


def test_pattern_selects_files(tmp_path: Path) -> None:
    for folder, name in (("x", "a1.png"), ("x", "b1.png"), ("y", "a2.png")):
        save(tmp_path / folder / name, picture(0))
    assert [frame.name for frame in open_source(f"{tmp_path}/*/a*.png")] == ["a1", "a2"]


def test_single_image_is_a_source_of_one_frame(tmp_path: Path) -> None:
    frames = list(open_source(save(tmp_path / "photo.png", picture(3))))
    assert [frame.name for frame in frames] == ["photo"]


def test_animated_gif_is_a_video(tmp_path: Path) -> None:
    pictures = [Image.fromarray(picture(i)) for i in (0, 5, 10)]
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100, 300, 100])
    frames = list(open_source(path))
    assert [frame.time_seconds for frame in frames] == pytest.approx([0.0, 0.1, 0.4])
    assert open_source(path).info.kind == "video"


def make_folders(path: Path) -> Path:
    save(path / "clip" / "a.png", picture(0))
    return path


def make_text(path: Path, name: str) -> Path:
    (path / name).write_text("hello, this is no video\n" * 50)
    return path / name


def make_empty(path: Path, name: str) -> Path:
    (path / name).touch()
    return path / name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "gone.mp4", "no such file or folder.*check the path"),
        (lambda p: p, "an empty folder"),
        (make_folders, "a folder without images.*name one of its folders, such as .*clip"),
        (lambda p: make_text(p, "a.txt").parent, "a folder without images"),
        (lambda p: f"{p}/*.png", "no match.*quote"),
        (lambda p: f"{make_text(p, 'a.txt').parent}/*", "1 matches that are no images"),
        (lambda p: make_text(p, "a.mp4"), "does not open as a video"),
        (lambda p: make_text(p, "a.png"), "cannot be read as an image"),
        (lambda p: make_empty(p, "a.mp4"), "an empty file"),
        (lambda p: make_empty(p, "a.png"), "an empty file"),
        (lambda p: p / ("n" * 300), "name too long|no such file"),
    ],
)
@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_what_cannot_be_read_is_explained(tmp_path: Path, make, message, reader) -> None:
    with pytest.raises(MediaError, match=f"got .*({message})") as caught:
        open_source(make(tmp_path), reader=reader)
    assert "expected" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_forbidden_folder_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    with pytest.raises(MediaError, match="Permission denied"):
        open_source(tmp_path)
    tmp_path.chmod(0o700)


def test_reading_images_loads_neither_torch_nor_video_libraries() -> None:
    code = (
        "import sys, persam_vos.media.reader, persam_vos.media.video_writer; "
        "sys.exit(bool({'torch', 'av', 'decord'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
