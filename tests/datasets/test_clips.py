"""Clips and splits, and what is said of files and names that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from persam_vos.datasets.clips import (
    Clip,
    FirstMask,
    Split,
    choose,
    image_files,
    label_files,
    require_folders,
    require_whole,
)
from persam_vos.errors import DatasetError


@pytest.mark.parametrize("name", ["a/b", "../a", ".hidden", "a/"])
def test_a_clip_has_the_name_of_a_folder(name: str) -> None:
    with pytest.raises(DatasetError, match="expected the name of a folder, not a path"):
        Clip(name, (), (), ())


@pytest.mark.parametrize(("annotated", "expected"), [(1, False), (2, True)])
def test_a_split_has_truth_where_more_than_first_masks_are_annotated(
    annotated: int, expected: bool
) -> None:
    masks = tuple(Path(f"{k}.png") for k in range(annotated))
    clip = Clip("clip", (), masks, (FirstMask(0, masks[0]),))
    assert Split("folder", "all", Path(), Path(), "multi", (clip,)).has_truth is expected


def test_files_come_by_name_and_hidden_ones_not_at_all(tmp_path: Path) -> None:
    for name in ("2.PNG", "1.jpg", "3.jpeg", "._1.jpg", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == ["1.jpg", "2.PNG", "3.jpeg"]
    assert [path.name for path in label_files(tmp_path)] == ["2.PNG"]
    assert image_files(tmp_path / "nowhere") == label_files(tmp_path / "nowhere") == ()


def test_chosen_clips_come_as_named_and_each_once() -> None:
    assert choose(None, ("a", "b"), "list") == ("a", "b")
    assert choose(("b", "a", "b"), ("a", "b"), "list") == ("b", "a")
    with pytest.raises(DatasetError, match="list: got unknown clips c, expected some of a, b"):
        choose(("a", "c"), ("a", "b"), "list")


def test_the_first_missing_folder_is_named_with_all_that_are_needed(tmp_path: Path) -> None:
    folders = (tmp_path / "JPEGImages", tmp_path / "Annotations")
    folders[0].mkdir()
    with pytest.raises(
        DatasetError, match="got no folder Annotations, expected JPEGImages and Annotations"
    ):
        require_folders(tmp_path, folders, "DAVIS")
    folders[1].mkdir()
    require_folders(tmp_path, folders, "DAVIS")


def test_incomplete_clips_are_told_together() -> None:
    require_whole(Path("root"), 3, [], "DAVIS")
    with pytest.raises(DatasetError, match=r"2 of 3 clips incomplete \(a: no frames; b: no mask\)"):
        require_whole(Path("root"), 3, ["a: no frames", "b: no mask"], "DAVIS")
