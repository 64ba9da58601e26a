"""PASCAL-5i: queries go round the list, supports are drawn from the class, 255 does not count."""

from __future__ import annotations

import numpy as np
import pytest
from one_shot_trees import pixels, write_pascal5i

from persam_vos.datasets.episodes import Pick
from persam_vos.datasets.pascal5i import pascal5i_folds
from persam_vos.errors import DatasetError


def test_episodes_are_those_of_the_published_loop(tmp_path):
    lines = write_pascal5i(tmp_path, fold=1)
    (fold,) = pascal5i_folds(tmp_path, [1], 1)
    assert list(fold.classes) == [5, 6, 7, 8, 9]
    episodes = list(fold.episodes())
    assert len(episodes) == 1000
    random = np.random.RandomState(0)
    for i, one in enumerate(episodes):
        query, number = lines[i % 6]
        same = [image for image, other in lines if other == number]
        while True:
            support = random.choice(same, 1, replace=False)[0]
            if support != query:
                break
        assert (one.class_id, one.query, one.supports) == (
            number - 1,
            Pick(query),
            (Pick(support),),
        )


def test_masks_are_the_class_and_255_is_void(tmp_path):
    lines = write_pascal5i(tmp_path, fold=1)
    (fold,) = pascal5i_folds(tmp_path, [1], 1)
    mask = pixels(fold.shot(5, Pick(lines[0][0])))
    assert (mask.low, mask.high, mask.void) == (6, 6, 255)
    with pytest.raises(DatasetError, match="fold 1, class car"):
        fold.shot(6, Pick(lines[0][0]))


@pytest.mark.parametrize(
    ("text", "told"),
    [("2007_000001\n", "ValueError"), ("2007_000001__01\n", "class 1 of 2007_000001"),
     ("", "no line"), ("2007_000001__06\n", "got 1 pictures")],
)  # fmt: skip
def test_other_lists_are_told(tmp_path, text, told):
    write_pascal5i(tmp_path, fold=1)
    (tmp_path / "VOC2012/splits/val/fold1.txt").write_text(text)
    with pytest.raises(DatasetError, match=told):
        list(pascal5i_folds(tmp_path, [1], 1))
