"""Splits by name, from trees of empty files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from persam_vos.datasets.catalog import DATA_VARIABLE, DATASETS, default_root, open_split
from persam_vos.datasets.clips import Clip
from persam_vos.errors import DatasetError, UsageError


def make_tree(
    root: Path,
    level: str,
    clips: Iterable[str],
    frames: int = 3,
    annotated: int = 3,
    suffix: str = ".jpg",
) -> None:
    for clip in clips:
        for kind, ending, count in (
            ("JPEGImages", suffix, frames),
            ("Annotations", ".png", annotated),
        ):
            folder = root / kind / level / clip
            folder.mkdir(parents=True)
            for k in range(count):
                (folder / f"{k:05d}{ending}").touch()


@pytest.fixture
def davis(tmp_path):
    root = tmp_path / "DAVIS"
    make_tree(root, "480p", ("a", "b"))
    make_tree(root, "480p", ("c",), annotated=1)
    for year, split, names in (
        ("2017", "val", "b a"),
        ("2017", "test-dev", "c"),
        ("2016", "val", "a"),
    ):
        folder = root / "ImageSets" / year
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{split}.txt").write_text(names.replace(" ", "\n"))
    return root


@pytest.mark.parametrize(
    ("dataset", "split", "clips", "mode", "has_truth"),
    [("davis2017", None, "ba", "multi", True), ("davis2017", "test-dev", "c", "multi", False),
     ("davis2016", None, "a", "single", True), ("folder", None, "abc", "multi", True)],
)  # fmt: skip
def test_a_davis_tree_serves_several_datasets(davis, dataset, split, clips, mode, has_truth):
    found = open_split(dataset, davis, split=split)
    assert "".join(clip.name for clip in found.clips) == clips
    assert (found.mode, found.has_truth) == (mode, has_truth)
    assert found.truth_dir == davis / "Annotations/480p"
    first = found.clips[0].first_masks
    assert [(mask.frame_index, mask.path.name, mask.object_ids) for mask in first] == [
        (0, "00000.png", None)
    ]


def test_the_folder_around_a_davis_tree_will_do(davis):
    assert open_split("davis2017", davis.parent).root == davis


@pytest.mark.parametrize(
    ("level", "suffix"),
    [("480p", ".jpg"), ("", ".png"), ("", ".JPG"), ("Full-Resolution", ".jpeg")],
)
def test_a_folder_needs_no_resolution_and_takes_other_pictures(tmp_path, level, suffix):
    make_tree(tmp_path, level, ("x", "y"), suffix=suffix)
    found = open_split("folder", tmp_path, names=("y",))
    assert [clip.name for clip in found.clips] == ["y"]
    assert [path.name for path in found.clips[0].images] == [f"{k:05d}{suffix}" for k in range(3)]
    assert found.truth_dir == tmp_path / "Annotations" / level


def test_a_folder_takes_any_list(davis):
    found = open_split("folder", davis, split="test-dev")
    assert [clip.name for clip in found.clips] == ["c"]
    with pytest.raises(DatasetError, match="expected one of all, test-dev, val"):
        open_split("folder", davis, split="train")


def test_clips_that_lack_either_side_are_named(tmp_path):
    make_tree(tmp_path, "", ("x",), annotated=0)
    make_tree(tmp_path, "", ("y",), frames=0)
    (tmp_path / "Annotations/x").rmdir()
    (tmp_path / "JPEGImages/y").rmdir()
    message = r"2 of 2 clips incomplete \(x: no annotation of frame 00000; y: no frames\)"
    with pytest.raises(DatasetError, match=message):
        open_split("folder", tmp_path)


def test_annotations_of_a_folder_may_be_sparse_and_begin_without_an_object(tmp_path):
    make_tree(tmp_path, "", ("x",), frames=5, annotated=5)
    annotations = tmp_path / "Annotations/x"
    (annotations / "00001.png").unlink()
    (annotations / "00003.png").unlink()
    for name, value in (("00000", 0), ("00002", 3), ("00004", 0)):
        Image.fromarray(np.full((4, 6), value, np.uint8)).save(annotations / f"{name}.png")
    (clip,) = open_split("folder", tmp_path).clips
    assert len(clip.images) == 5
    assert [path.stem for path in clip.annotations] == ["00000", "00002", "00004"]
    assert [(first.frame_index, first.path.stem) for first in clip.first_masks] == [(2, "00002")]


def test_numbers_that_do_not_sort_are_refused(tmp_path):
    make_tree(tmp_path, "", ("x",))
    for kind, ending in (("JPEGImages", "jpg"), ("Annotations", "png")):
        (tmp_path / kind / "x" / f"3.{ending}").touch()
    with pytest.raises(DatasetError, match="x: frame numbers of different lengths"):
        open_split("folder", tmp_path)


@pytest.mark.parametrize("name", ["../a", "a/b", "..", ".hidden"])
def test_a_clip_is_not_a_path(name):
    with pytest.raises(DatasetError, match="expected the name of a folder"):
        Clip(name, (), (), ())


@pytest.mark.parametrize(
    ("dataset", "split", "message"),
    [
        ("davis", None, "expected one of davis2017"),
        ("davis2016", "test-dev", "expected one of val,"),
    ],
)
def test_unknown_names_are_usage_errors(tmp_path, dataset, split, message):
    with pytest.raises(UsageError, match=message):
        open_split(dataset, tmp_path, split=split)


def test_a_root_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        open_split("folder", tmp_path / "nowhere")


def test_the_data_folder_is_searched(davis, tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(DatasetError, match="run persam-vos datasets fetch davis2017, or give root"):
        default_root("davis2017")
    (tmp_path / "davis2017").symlink_to(davis)
    assert default_root("davis2017") == tmp_path / "davis2017"
    assert len(open_split("davis2017").clips) == 2
    fetched = tmp_path / "DAVIS-2017-trainval-480p" / "DAVIS"
    fetched.mkdir(parents=True)
    assert default_root("davis2017") == fetched
    assert default_root("davis2017", "test-dev") == tmp_path / "davis2017"


def test_every_default_split_is_a_split():
    for info in DATASETS.values():
        assert info.splits is None or info.default_split == info.splits[0]
        assert set(info.archives) <= set(info.splits or ())
