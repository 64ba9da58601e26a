"""LVIS-92i: classes numbered over the folds in key order, each asked for in turn."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from one_shot_trees import shapes, write_lvis, write_pickle

from persam_vos.datasets.episodes import Pick
from persam_vos.datasets.lvis92i import lvis92i_folds
from persam_vos.errors import DatasetError


def test_classes_are_every_tenth_of_those_with_enough_pictures(tmp_path):
    content = write_lvis(tmp_path, categories=25)  # of which 5 have one picture only
    kept = [key for key, images in content.items() if len(images) > 1]
    assert len(kept) == 20
    for fold in lvis92i_folds(tmp_path, [0, 3], 1):
        names = [f"category {kept[fold.number + 10 * v]}" for v in range(2)]
        assert fold.classes == dict(enumerate(names))


def test_episodes_are_those_of_the_published_loop(tmp_path):
    content = write_lvis(tmp_path, categories=25)
    kept = [key for key, images in content.items() if len(images) > 1]
    (fold,) = lvis92i_folds(tmp_path, [3], 1)
    episodes = list(fold.episodes())
    assert Counter(one.class_id for one in episodes) == {0: 1150, 1: 1150}  # 25 each of 92
    random = np.random.RandomState(0)
    for i, one in enumerate(episodes):
        names = list(content[kept[3 + 10 * (i % 2)]])
        query = random.choice(names, 1, replace=False)[0]
        while True:
            support = random.choice(names, 1, replace=False)[0]
            if support != query:
                break
        assert (one.class_id, one.query, one.supports) == (i % 2, Pick(query), (Pick(support),))
    # Validation episodes have pictures of train2017 too.
    assert any(one.query.image.startswith("train2017/") for one in episodes)


def test_a_shot_has_all_annotations_of_its_picture(tmp_path):
    content = write_lvis(tmp_path, categories=25)
    (fold,) = lvis92i_folds(tmp_path, [0], 1)
    name = next(iter(content[1200]))
    shot = fold.shot(0, Pick(name))
    assert len(shapes(shot)) == 3
    assert shot.image == tmp_path / "LVIS/coco" / name
    with pytest.raises(DatasetError, match="category 1200"):
        fold.shot(0, Pick("val2017/another.jpg"))


def test_other_pickles_are_told(tmp_path):
    with pytest.raises(DatasetError, match=r"no lvis_val\.pkl, no coco"):
        list(lvis92i_folds(tmp_path, [0], 1))
    (tmp_path / "coco").mkdir()
    write_pickle(tmp_path / "lvis_val.pkl", {1: {"a.jpg": {}, "b.jpg": {}}})
    with pytest.raises(DatasetError, match="1 categories with more than 1 pictures"):
        list(lvis92i_folds(tmp_path, [0], 1))
    write_pickle(tmp_path / "lvis_val.pkl", {k: {"a.jpg": {}, "b.jpg": {}} for k in range(10)})
    (fold,) = lvis92i_folds(tmp_path, [0], 1)
    with pytest.raises(DatasetError, match="KeyError: 'annotations'"):
        fold.shot(0, Pick("a.jpg"))
