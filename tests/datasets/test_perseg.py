"""PerSeg: every photo but the reference is asked for, whatever its folders are called."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from one_shot_trees import pixels, write_perseg

from persam_vos.datasets.episodes import Fold, Pick
from persam_vos.datasets.perseg import perseg_folds
from persam_vos.errors import DatasetError, UsageError


def only_fold(root: Path) -> Fold:
    (fold,) = perseg_folds(root, [0], 1)
    return fold


@pytest.mark.parametrize("data", ["data", "data 3", "."])
def test_photos_are_asked_for_by_number_also_in_folders_with_00(tmp_path, data):
    root = write_perseg(tmp_path / "run00")  # the published script leaves such paths out
    if data == "data 3":
        (root / "data").rename(root / data)
    fold = only_fold(root / "data" if data == "." else root)
    assert fold.classes == {0: "can", 1: "cat", 2: "dog00"}
    episodes = list(fold.episodes())
    assert [one.query.image for one in episodes] == [
        f"{name}/{k:02d}" for name in ("can", "cat", "dog00") for k in (1, 2, 3)
    ]
    assert {one.supports for one in episodes[6:]} == {(Pick("dog00/00"),)}
    assert [one.number for one in episodes] == list(range(9))
    assert fold.result_name(episodes[0]) == "can/01"
    shot = fold.shot(0, episodes[0].query)
    assert all(path.is_file() for path in shot.files)
    assert pixels(shot).grey
    assert pixels(shot).low == 1


def test_gaps_and_objects_with_a_reference_alone_are_told(tmp_path):
    root = write_perseg(tmp_path)
    (root / "data/Annotations/cat/01.png").unlink()
    with pytest.raises(DatasetError, match=r"no Annotations/cat/01\.png.*without gaps"):
        only_fold(root)
    for number in ("02", "03"):
        (root / f"data/Annotations/cat/{number}.png").unlink()
    with pytest.raises(DatasetError, match=r"no Annotations/cat/01\.png"):
        only_fold(root)


def test_a_wrong_tree_names_what_is_missing(tmp_path):
    with pytest.raises(DatasetError, match="no data/Images, no data/Annotations"):
        only_fold(tmp_path)
    shutil.rmtree(write_perseg(tmp_path) / "data/Annotations")
    with pytest.raises(DatasetError, match="got no data/Annotations"):
        only_fold(tmp_path)


def test_there_is_one_reference_an_object(tmp_path):
    with pytest.raises(UsageError, match="shots"):
        list(perseg_folds(write_perseg(tmp_path), [0], 5))


def test_other_photos_are_unknown(tmp_path):
    with pytest.raises(DatasetError, match=r"fold 0, class can: got a picture cat/01"):
        only_fold(write_perseg(tmp_path)).shot(0, Pick("cat/01"))
