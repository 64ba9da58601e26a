"""COCO-20i: a fold has every fourth class, and a pixel is its class + 1."""

from __future__ import annotations

import numpy as np
import pytest
from one_shot_trees import pixels, write_coco, write_pickle

from persam_vos.datasets.coco20i import coco20i_folds
from persam_vos.datasets.episodes import Pick
from persam_vos.errors import DatasetError


def test_episodes_are_those_of_the_published_loop(tmp_path):
    listed = write_coco(tmp_path, fold=1)
    (fold,) = coco20i_folds(tmp_path, [1], 2)
    assert list(fold.classes) == list(range(1, 80, 4))
    assert fold.classes[17] == "horse"
    random = np.random.RandomState(0)
    episodes = list(fold.episodes())
    assert len(episodes) == 1000
    for one in episodes:
        class_id = random.choice(list(range(1, 80, 4)), 1, replace=False)[0]
        query = random.choice(listed[class_id], 1, replace=False)[0]
        supports: list[str] = []
        while len(supports) < 2:
            support = random.choice(listed[class_id], 1, replace=False)[0]
            if support != query:
                supports.append(support)
        assert (one.class_id, one.query, [s.image for s in one.supports]) == (
            class_id, Pick(query), supports
        )  # fmt: skip


def test_a_pixel_is_its_class_and_one(tmp_path):
    listed = write_coco(tmp_path, fold=1)
    (fold,) = coco20i_folds(tmp_path, [1], 1)
    shot = fold.shot(5, Pick(listed[5][0]))
    assert (pixels(shot).low, pixels(shot).high, pixels(shot).grey) == (6, 6, False)
    assert pixels(shot).path.parent.name == "val2014"
    with pytest.raises(DatasetError, match="fold 1, class bus"):
        fold.shot(5, Pick("val2014/another.jpg"))


def test_other_splits_and_empty_classes_are_told(tmp_path):
    listed = write_coco(tmp_path, fold=2)
    with pytest.raises(DatasetError, match=r"no splits/val/fold0\.pkl"):
        list(coco20i_folds(tmp_path, [0], 1))
    path = tmp_path / "COCO2014/splits/val/fold2.pkl"
    write_pickle(path, {**listed, 2: ["a.jpg"]})
    with pytest.raises(DatasetError, match="fold 2, class car: got 1 pictures"):
        list(coco20i_folds(tmp_path, [2], 1))
    write_pickle(path, {2: []})
    with pytest.raises(DatasetError, match=r"fold2\.pkl: got ValueError: 1 classes"):
        list(coco20i_folds(tmp_path, [2], 1))
