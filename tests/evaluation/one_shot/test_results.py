"""Figures in a file and as rows beside published ones."""

from __future__ import annotations

import json

import pytest

from persam_vos.evaluation.one_shot.results import OneShotScore, results_text, table_rows
from persam_vos.scoring.episodes import EpisodeCounts, score_fold

FOLDS = {
    k: score_fold([0], [(0, EpisodeCounts((8, k), (10, 4), 1, 2, 4))]) for k in (1, 2)
}  # IoU 0.25 and 0.5


def score(dataset: str = "pascal5i", **settings: object) -> OneShotScore:
    names = {k: {0: "cat"} for k in FOLDS}
    return OneShotScore(dataset, "PASCAL-5i", FOLDS, names, 1, "square", True, 0, dict(settings))


def test_rows_are_folds_their_mean_and_what_others_have():
    rows = table_rows(score(photos={"method": "persam-f", "recipe": "upstream"}))
    assert [row.name for row in rows] == [
        "fold 1", "fold 2", "persam-f upstream", "GF-SAM (ANDYZAQ/GF-SAM)"
    ]  # fmt: skip
    assert [row.mean_iou for row in rows] == pytest.approx([25, 50, 37.5, 72.3])
    assert rows[2].fb_iou == pytest.approx(((80 + 25) / 2 + (80 + 50) / 2) / 2)
    assert [row.published for row in rows] == [False, False, False, True]
    assert rows[3].fb_iou is None


def test_figures_of_a_method_that_is_not_ours_are_named_so():
    assert score(predictions="masks").method == "masks of a folder"


def test_another_encoder_is_told():
    photos = {"method": "match", "recipe": "default"}
    named = score(photos=photos, weights={"name": "mobile-sam", "encoder": "dinov2-base"})
    assert named.method == "match by dinov2-base"
    assert score(photos=photos, weights={"name": "mobile-sam"}).method == "match"


def test_the_file_has_folds_classes_and_what_others_have():
    told = json.loads(results_text(score(root="somewhere")))
    assert told["mean"]["mean_iou"] == pytest.approx(0.375)
    assert [one["fold"] for one in told["folds"]] == [1, 2]
    assert told["folds"][0]["classes"][0]["name"] == "cat"
    assert told["settings"] == {"root": "somewhere"}
    assert told["published"][0]["method"] == "GF-SAM"
