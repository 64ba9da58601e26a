"""PACO-Part: order of the train keys, duplicates left out, boxes x y w h, empty crops redrawn."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from one_shot_trees import shapes, write_paco, write_pickle

from persam_vos.datasets.episodes import Pick
from persam_vos.datasets.paco_part import EPISODES, paco_part_folds
from persam_vos.errors import DatasetError


def drawn_by_hand(count: int) -> tuple[list[tuple[int, list[Pick]]], int]:
    """The loop of the published programs over the fixture, redrawing where a box is empty."""
    random = np.random.RandomState(0)

    def choice(sequence: Any) -> Any:
        return sequence[random.choice(len(sequence), 1, replace=False)[0]]

    files = [f"val2017/{k:012d}.jpg" for k in range(4)]  # the second 0 is left out
    episodes: list[tuple[int, list[Pick]]] = []
    redrawn = 0
    while len(episodes) < count:
        class_id = choice(range(4))
        query = choice(files)
        picks = [Pick(query, choice([10 * files.index(query), 10 * files.index(query) + 1]))]
        while len(picks) < 2:
            support = choice(files)
            if support != query:
                first = 10 * files.index(support)
                picks.append(Pick(support, choice([first, first + 1])))
        if Pick(files[2], 21) in picks:  # 0.5 pixels wide
            redrawn += 1
        else:
            episodes.append((class_id, picks))
    return episodes, redrawn


def test_episodes_are_those_of_the_published_loop(tmp_path):
    write_paco(tmp_path)
    (fold,) = paco_part_folds(tmp_path, [1], 1)
    assert list(fold.classes.values()) == [f"part {1000 - k}" for k in (1, 5, 9, 13)]
    expected, redrawn = drawn_by_hand(300)
    for _ in range(2):  # every call draws the same
        episodes = list(islice(fold.episodes(), 300))
        assert [(one.class_id, [one.query, *one.supports]) for one in episodes] == expected
        assert fold.redrawn == redrawn > 0
    assert EPISODES == 2500


def test_boxes_are_cut_off_to_whole_pixels_with_exclusive_ends(tmp_path):
    write_paco(tmp_path)
    (fold,) = paco_part_folds(tmp_path, [1], 1)
    shot = fold.shot(0, Pick("val2017/000000000001.jpg", 10))
    assert shot.crop_xyxy == (10, 20, 41, 46)  # 10.7 + 30.6 = 41.3 and 20.2 + 25.9 = 46.1
    assert len(shapes(shot)) == 2  # both annotations of the instance
    assert shot.image == tmp_path / "PACO-Part/coco/val2017/000000000001.jpg"
    for pick in (Pick("val2017/000000000001.jpg", 99), Pick("val2017/7.jpg", 10)):
        with pytest.raises(DatasetError, match="fold 1, class part 999"):
            fold.shot(0, pick)


def test_other_pickles_are_told(tmp_path):
    val = write_paco(tmp_path)
    folder = tmp_path / "PACO-Part/paco"
    with pytest.raises(DatasetError, match="no category of fold 0"):
        list(paco_part_folds(tmp_path, [0], 1))
    write_pickle(folder / "paco_part_val.pkl", {**val, "img2anno": {k: [] for k in range(4)}})
    (fold,) = paco_part_folds(tmp_path, [1], 1)
    with pytest.raises(DatasetError, match="no annotation of category"):
        list(fold.episodes())
    write_pickle(folder / "paco_part_train.pkl", {"cid2img": {1: []}})
    with pytest.raises(DatasetError, match="1 categories instead of 448"):
        list(paco_part_folds(tmp_path, [1], 1))


def test_boxes_that_are_all_empty_do_not_draw_for_ever(tmp_path):
    val = write_paco(tmp_path)
    for listed in val["img2anno"].values():
        for one in listed:
            one["obj_bbox"] = [3, 3, 0.2, 9]
    write_pickle(tmp_path / "PACO-Part/paco/paco_part_val.pkl", val)
    (fold,) = paco_part_folds(tmp_path, [1], 1)
    with pytest.raises(DatasetError, match="empty object box"):
        next(fold.episodes())
