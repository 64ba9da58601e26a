"""COCO JSON, read back by pycocotools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from exported_run import COUNT, IDS, SIZE_HW, export, known_labels

from persam_vos.exports.coco import categories, category_numbers

pytest.importorskip("pycocotools")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools itself


def test_masks_ids_and_scores_come_back(
    image_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pycocotools.coco import COCO

    read = COCO(str(export(image_run, "coco", tmp_path)))
    capsys.readouterr()
    images = read.loadImgs(read.getImgIds())
    assert [one["file_name"] for one in images] == [f"shot{i}.jpg" for i in range(COUNT)]
    assert [(one["height"], one["width"]) for one in images] == [SIZE_HW] * COUNT
    for image in images:
        annotations = read.loadAnns(read.getAnnIds(imgIds=image["id"]))
        labels = known_labels(image["frame_id"])
        assert {one["track_id"] for one in annotations} == set(np.unique(labels)) - {0}
        for one in annotations:
            mask = labels == one["track_id"]
            np.testing.assert_array_equal(read.annToMask(one), mask)
            assert one["area"] == mask.sum()
            rows, columns = np.nonzero(mask)
            assert one["bbox"][:2] == [columns.min(), rows.min()]
            assert one["score"] == pytest.approx(0.9 - 0.05 * image["frame_id"])


def test_it_is_a_file_of_results_that_the_evaluation_takes(
    image_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO(str(export(image_run, "coco", tmp_path)))
    found = truth.loadRes(truth.dataset["annotations"])
    evaluation = COCOeval(truth, found, "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    capsys.readouterr()
    assert evaluation.stats[0] == pytest.approx(1)


def test_each_object_can_have_its_category(image_run: Path, tmp_path: Path) -> None:
    facts = json.loads(export(image_run, "coco:category=dog {id}", tmp_path).read_text())
    assert [one["name"] for one in facts["categories"]] == ["dog 2", "dog 7"]
    assert {one["category_id"] for one in facts["annotations"]} == {1, 2}


def test_objects_of_one_name_share_a_category() -> None:
    names = dict.fromkeys(IDS, "object")
    assert [one["id"] for one in categories(names)] == [1]
    assert category_numbers(names) == {2: 1, 7: 1}
