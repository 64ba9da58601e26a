"""PASCAL-Part: parts in the order of the file, aeroplane's TAIL left out but counted."""

from __future__ import annotations

import json
from collections.abc import Collection

import numpy as np
import pytest
from one_shot_trees import shapes, write_pascal_part

from persam_vos.datasets.episodes import Pick
from persam_vos.datasets.pascal_part import pascal_part_folds
from persam_vos.errors import DatasetError

IDS = [f"2008_{k:06d}" for k in range(4)]


def test_classes_are_the_parts_with_pictures_in_both_splits(tmp_path):
    write_pascal_part(tmp_path)
    names = [list(fold.classes.values()) for fold in pascal_part_folds(tmp_path, range(4), 1)]
    assert names == [["bird+FACE", "bird+WINGS"], ["bottle+BODY"], ["person+FACE"],
                     ["aeroplane+BODY"]]  # fmt: skip


def test_a_fold_is_as_long_as_all_its_lists(tmp_path):
    write_pascal_part(tmp_path)
    lengths = [len(list(fold.episodes())) for fold in pascal_part_folds(tmp_path, range(4), 1)]
    assert lengths == [9, 4, 4, 8]  # bird's TAIL, with one picture, and aeroplane's TAIL count


def test_episodes_are_those_of_the_published_loop(tmp_path):
    write_pascal_part(tmp_path)
    (fold,) = pascal_part_folds(tmp_path, [0], 2)
    random = np.random.RandomState(0)

    def draw(used: Collection[str]) -> Pick:
        while True:
            image = random.choice(IDS, 1, replace=False)[0]
            if image in used:
                continue
            first = 0
            birds = [0, 1] if image == IDS[1] else [first]  # of the second picture one has no parts
            index = random.choice(birds, 1, replace=False)[0]
            if image != IDS[1] or index == 1:
                return Pick(str(image), int(index))

    for i, one in enumerate(fold.episodes()):
        picks = [draw(())]
        while len(picks) < 3:
            picks.append(draw([pick.image for pick in picks]))
        assert one.class_id == i % 2
        assert [one.query, *one.supports] == picks


def test_masks_are_all_run_lengths_of_the_part_and_boxes_corners(tmp_path):
    write_pascal_part(tmp_path)
    (fold,) = pascal_part_folds(tmp_path, [0], 1)
    shot = fold.shot(0, Pick(IDS[0], 0))
    assert len(shapes(shot)) == 3  # two of one entry, one of another of that name
    assert isinstance(shapes(shot)[0]["counts"], str)
    assert shot.crop_xyxy == (12, 8, 41, 37)
    for pick in (Pick(IDS[0], 99), Pick(IDS[0]), Pick("2008_999999", 0)):
        with pytest.raises(DatasetError, match=r"fold 0, class bird\+FACE"):
            fold.shot(0, pick)


def test_too_few_pictures_are_told_and_do_not_draw_for_ever(tmp_path):
    content = write_pascal_part(tmp_path)
    (fold,) = pascal_part_folds(tmp_path, [1], 4)
    with pytest.raises(DatasetError, match=r"class bottle\+BODY: got 4 pictures, expected 5"):
        next(fold.episodes())
    folder = tmp_path / "Pascal-Part/VOCdevkit/VOC2010"
    for path in (folder / "Annotations_Part_json_merged_part_classes").glob("*.json"):
        path.write_text(json.dumps({"object": [{"name": "bottle", "parts": []}]}))
    (fold,) = pascal_part_folds(tmp_path, [1], 1)
    with pytest.raises(DatasetError, match="no picture with that part"):
        next(fold.episodes())
    del content["indoor"]
    (folder / "all_obj_part_to_image.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="KeyError: 'indoor'"):
        list(pascal_part_folds(tmp_path, [1], 1))
