"""Runs whose masks are known have figures worked out by hand, and go on where they were stopped."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from one_shot_answers import ReferenceAgain, made
from one_shot_trees import write_coco, write_fss, write_pascal5i, write_pascal_part
from PIL import Image

from persam_vos.datasets.one_shot import open_one_shot
from persam_vos.errors import DatasetError, OutputError, ScoringError
from persam_vos.evaluation.one_shot import OneShotEvents, evaluate_one_shot, stored_masks
from persam_vos.evaluation.one_shot.journal import FinishedEpisode


def test_perseg_by_hand(finished):
    # The object of photo k is k pixels right of the reference, 20 x 20 pixels of 48 x 64.
    _, score, output = finished
    inter, union = [20 * (20 - k) for k in (1, 2, 3)], [20 * (20 + k) for k in (1, 2, 3)]
    assert score.means["mean_iou"] == pytest.approx(sum(inter) / sum(union))  # 81.8
    background = (3 * 3072 - sum(union)) / (3 * 3072 - sum(inter))
    assert score.means["fb_iou"] == pytest.approx((background + sum(inter) / sum(union)) / 2)
    assert score.means["accuracy"] == pytest.approx(sum(inter) / 1200)
    # Bands are 2 pixels deep: 144 pixels each, of which these are common.
    bands = [108, 72, 68]
    assert score.means["boundary_iou"] == pytest.approx(sum(bands) / (3 * 288 - sum(bands)))
    assert score.means["boundary_iou_per_image"] == pytest.approx(
        np.mean([one / (288 - one) for one in bands])
    )
    assert json.loads((output / "results.json").read_text())["whole"] is True
    with Image.open(output / "predictions/dog00/03.png") as mask:
        assert np.asarray(mask).sum() == 400


def test_an_object_is_learned_once_for_all_its_photos(perseg_root, tmp_path):
    answers = ReferenceAgain()
    started: list[tuple[int, int]] = []
    done: list[FinishedEpisode] = []
    events = OneShotEvents(on_start=lambda *counts: started.append(counts), on_episode=done.append)
    run = open_one_shot("perseg", perseg_root)
    evaluate_one_shot(run, tmp_path / "out", made(answers), events=events)
    assert answers.learned == [1, 1, 1]
    assert answers.names[:3] == ["can/01", "can/02", "can/03"]
    assert started == [(9, 0)]
    assert len(done) == 9


def test_a_run_that_was_stopped_goes_on(perseg_root, tmp_path, finished):
    run = open_one_shot("perseg", perseg_root)
    with pytest.raises(KeyboardInterrupt):
        evaluate_one_shot(run, tmp_path / "out", made(ReferenceAgain(stops_after=5)))
    assert not (tmp_path / "out/results.json").exists()
    answers = ReferenceAgain()
    score = evaluate_one_shot(run, tmp_path / "out", made(answers))
    assert answers.names == ["cat/03", "dog00/01", "dog00/02", "dog00/03"]
    assert (tmp_path / "out/results.json").read_bytes() == (
        finished[2] / "results.json"
    ).read_bytes()
    assert score.means == finished[1].means
    again = ReferenceAgain()
    evaluate_one_shot(run, tmp_path / "out", made(again))
    assert again.names == []
    evaluate_one_shot(run, tmp_path / "out", made(again), overwrite=True)
    assert len(again.names) == 9


def test_another_run_leaves_the_results_as_they_are(copy_of_finished, perseg_root):
    run = open_one_shot("perseg", perseg_root, limit=2)
    with pytest.raises(OutputError, match="other settings"):
        evaluate_one_shot(run, copy_of_finished, made(ReferenceAgain()))
    assert (copy_of_finished / "results.json").exists()


def test_a_part_of_the_episodes_is_scored_over_its_classes(tmp_path):
    run = open_one_shot("fss1000", write_fss(tmp_path), limit=2)
    score = evaluate_one_shot(run, tmp_path / "out", made(ReferenceAgain()), eval_size="original")
    # Queries 1 and 10 of 12 x 16 pixels, answered with 3 and 4: 2 and 6 pixels beside it.
    inter, union = (10 + 6) * 16, (14 + 18) * 16
    assert score.means["mean_iou"] == pytest.approx(inter / union)
    assert len(score.folds[0].classes) == 1
    assert not score.whole
    assert "These are not all episodes" in (tmp_path / "out/report.html").read_text()


def test_squares_are_518_pixels_for_all_but_perseg(tmp_path):
    run = open_one_shot("fss1000", write_fss(tmp_path), limit=1)
    score = evaluate_one_shot(run, tmp_path / "out", made(ReferenceAgain()))
    assert score.eval_size == "square"
    with Image.open(tmp_path / "out/predictions/fold0/00000.png") as mask:
        assert mask.size == (518, 518)
    (counts,) = [json.loads(line)["counts"] for line in
                 (tmp_path / "out/finished.jsonl").read_text().splitlines()[1:]]  # fmt: skip
    # Columns 1 to 13 and 3 to 15 of 32, at 518 / 32 = 16.1875 each, rows 4 to 20.
    inside = [int(np.ceil(518 / 32 * k)) for k in (1, 3, 13, 15, 4, 20)]
    x1, x3, x13, x15, y4, y20 = inside
    assert counts["intersection"][1] == (x13 - x3) * (y20 - y4)
    assert counts["union"][1] == (x15 - x1) * (y20 - y4)


def test_crops_are_scored_on_the_object_alone(tmp_path):
    write_pascal_part(tmp_path)
    run = open_one_shot("pascal-part", tmp_path, folds=[0], limit=1)
    score = evaluate_one_shot(run, tmp_path / "out", made(ReferenceAgain()), eval_size="original")
    assert score.means["mean_iou"] == 1
    with Image.open(tmp_path / "out/predictions/fold0/00000.png") as mask:
        assert mask.size == (29, 29)  # 12 to 41 and 8 to 37, ends exclusive
        # Two boxes of 10 x 10 and 6 x 10, and one of 10 x 5 that another entry has.
        assert np.asarray(mask).sum() == 100 + 60 + 50


def test_void_and_other_classes_do_not_count(tmp_path):
    write_pascal5i(tmp_path, fold=1)
    run = open_one_shot("pascal5i", tmp_path, folds=[1], limit=2)
    score = evaluate_one_shot(run, tmp_path / "out", made(ReferenceAgain()), eval_size="original")
    assert score.means["mean_iou"] == 1
    line = json.loads((tmp_path / "out/finished.jsonl").read_text().splitlines()[1])
    assert line["counts"]["intersection"] == [1200 - 50 - 100, 100]  # without 5 x 10 void pixels


def test_a_pixel_of_coco_is_its_class_and_one(tmp_path):
    write_coco(tmp_path, fold=1)
    run = open_one_shot("coco20i", tmp_path, folds=[1], limit=3)
    evaluate_one_shot(run, tmp_path / "out", made(ReferenceAgain()), eval_size="original")
    for line in (tmp_path / "out/finished.jsonl").read_text().splitlines()[1:]:
        assert json.loads(line)["counts"]["intersection"][1] == 20  # 2 x 10 pixels a class


def test_masks_of_another_tool_are_scored_by_name(finished, perseg_root, tmp_path):
    run = open_one_shot("perseg", perseg_root)
    masks = tmp_path / "theirs"
    shutil.copytree(finished[2] / "predictions", masks)
    score = evaluate_one_shot(run, tmp_path / "out", stored_masks(masks))
    assert score.means == finished[1].means
    (masks / "cat/02.png").unlink()
    with pytest.raises(ScoringError, match=r"fold 0, class cat, episode 4: .*cat/02\.png"):
        evaluate_one_shot(run, tmp_path / "other", stored_masks(masks))
    with pytest.raises(DatasetError, match="no such folder"):
        evaluate_one_shot(run, tmp_path / "third", stored_masks(tmp_path / "nowhere"))


def test_a_damaged_picture_is_named_with_its_fold_and_class(tmp_path):
    run = open_one_shot("fss1000", write_fss(tmp_path), limit=1)
    (tmp_path / "FSS-1000/data/ab_wheel/1.jpg").write_bytes(b"broken")
    with pytest.raises(DatasetError, match=r"fold 0, class ab_wheel, episode 0: .*1\.jpg"):
        evaluate_one_shot(run, tmp_path / "out", made(ReferenceAgain()))
