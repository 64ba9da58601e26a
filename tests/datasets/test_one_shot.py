"""Episodes of a run: drawn or read from a file, and whole before anything is done."""

from __future__ import annotations

import json

import pytest
from one_shot_trees import write_fss, write_lvis, write_paco, write_perseg

from persam_vos.datasets.one_shot import (
    ONE_SHOT,
    episodes_text,
    open_one_shot,
    read_episodes,
)
from persam_vos.errors import DatasetError, UsageError


def test_all_folds_are_opened_by_default_and_limits_are_by_fold(tmp_path):
    write_lvis(tmp_path, categories=25)
    run = open_one_shot("lvis92i", tmp_path, limit=3)
    assert [one.fold for one in run.episodes] == [k for k in range(10) for _ in range(3)]
    assert not run.whole
    some = open_one_shot("lvis92i", tmp_path, folds=[3, 1])
    assert [fold.number for fold in some.folds] == [1, 3]
    assert some.whole
    assert len(some.episodes) == 4600


def test_a_file_gives_the_same_episodes_in_place_of_draws(tmp_path):
    write_paco(tmp_path)
    run = open_one_shot("paco-part", tmp_path, folds=[1], limit=5)
    path = tmp_path / "episodes.jsonl"
    path.write_text(episodes_text(run))
    again = open_one_shot("paco-part", tmp_path, folds=[1], episodes=path)
    assert again.episodes == run.episodes
    assert not again.whole
    told = json.loads(path.read_text().splitlines()[0])
    assert told["name"] == "fold1/00000"
    assert told["class"].startswith("part ")
    assert [len(box) for box in told["boxes_xyxy"]] == [4, 4]


NUMBERS = '{"fold": 0, "number": 0, "class_id": 0, '


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 1"),
        ('{"fold": 0}', "KeyError"),
        (NUMBERS + '"query": ["a", null], "supports": []}', "no supports"),
        (NUMBERS + '"query": ["a"], "supports": [["b", 1]]}', "TypeError"),
    ],
)
def test_odd_episodes_are_told_with_their_line(tmp_path, line, told):
    path = tmp_path / "episodes.jsonl"
    path.write_text(line)
    with pytest.raises(DatasetError, match=told):
        read_episodes(path)


def test_episodes_of_other_data_are_told(tmp_path):
    run = open_one_shot("perseg", write_perseg(tmp_path / "a"))
    (tmp_path / "e.jsonl").write_text(episodes_text(run))
    write_perseg(tmp_path / "b", objects=("dog",))
    with pytest.raises(DatasetError, match="not listed for it"):
        open_one_shot("perseg", tmp_path / "b", episodes=tmp_path / "e.jsonl")


def test_a_missing_picture_is_named_with_its_fold_and_class(tmp_path):
    root = write_fss(tmp_path)
    for name in ("ab_wheel/10.jpg", "abe's_flyingfish/2.png", "zebra_crossing/1.jpg",
                 "zebra_crossing/2.jpg"):  # fmt: skip
        (root / "FSS-1000/data" / name).unlink()
    with pytest.raises(DatasetError) as caught:
        open_one_shot("fss1000", root)
    message = str(caught.value)
    assert "FSS-1000/data/ab_wheel/10.jpg (fold 0, class ab_wheel)" in message
    assert "abe's_flyingfish/2.png (fold 0, class abe's_flyingfish)" in message
    assert "and 1 more missing" in message


def test_folds_and_roots_that_are_not_there_are_told(tmp_path):
    with pytest.raises(DatasetError, match=r"root=.*no such folder"):
        open_one_shot("fss1000", tmp_path / "nowhere")
    write_fss(tmp_path)
    with pytest.raises(UsageError, match="fold of FSS-1000: got 1, expected 0, its only one"):
        open_one_shot("fss1000", tmp_path, folds=[1])
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(DatasetError, match="no episode"):
        open_one_shot("fss1000", tmp_path, episodes=tmp_path / "none.jsonl")


@pytest.mark.parametrize("name", ONE_SHOT)
def test_an_empty_root_names_what_each_data_set_needs(tmp_path, name):
    with pytest.raises(DatasetError, match=r"tree .*: got no .*docs/one-shot\.md"):
        open_one_shot(name, tmp_path)
