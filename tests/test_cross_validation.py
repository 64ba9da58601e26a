"""Constants chosen on other clips: by the other folds alone, and by constants that are there."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cross_validation as module
from benchmarks.ablation import DEFAULT, Variant, changed
from benchmarks.clips import CachedEngine, Clip
from benchmarks.cross_validation import VARIANTS, cross_validate, markdown
from persam_vos.config import MethodSettings

SCORES = {
    "a": {DEFAULT: 0.8, "more": 0.9},
    "b": {DEFAULT: 0.8, "more": 0.9},
    "c": {DEFAULT: 0.9, "more": 0.2},
}


def test_each_fold_gets_the_variant_that_is_best_on_the_others() -> None:
    found = cross_validate(SCORES, [["a"], ["b"], ["c"]])
    assert [row["chosen"] for row in found["folds"]] == [DEFAULT, DEFAULT, "more"]
    assert [row["held_out"] for row in found["folds"]] == [0.8, 0.8, 0.2]
    assert found["folds"][2]["J&F_on_the_others"] == pytest.approx(0.9)
    assert found["folds"][2]["default"] == 0.9
    assert found["held_out"] == pytest.approx(0.6)
    assert found["best"] == DEFAULT
    assert found["chosen_on_all"] == found["variants"][DEFAULT] == pytest.approx(2.5 / 3, abs=1e-5)


def test_clips_count_alike_however_folds_are_cut() -> None:
    found = cross_validate(SCORES, [["a", "b"], ["c"]])
    assert found["held_out"] == pytest.approx((0.8 + 0.8 + 0.2) / 3, abs=1e-5)


def test_of_equal_variants_the_first_is_taken() -> None:
    scores = {name: {DEFAULT: 0.5, "other": 0.5} for name in "ab"}
    assert {row["chosen"] for row in cross_validate(scores, [["a"], ["b"]])["folds"]} == {DEFAULT}


def test_chance_alone_gains_on_the_clips_but_not_on_those_held_out() -> None:
    random = np.random.default_rng(0)
    parts = [[str(clip) for clip in range(first, 20, 5)] for first in range(5)]
    on_all, held_out = [], []
    for _ in range(40):
        drawn = random.normal(0.8, 0.01, (20, 13))
        scores = {
            str(clip): {str(one): float(row[one]) for one in range(13)}
            for clip, row in enumerate(drawn)
        }
        found = cross_validate(scores, parts)
        on_all.append(found["chosen_on_all"])
        held_out.append(found["held_out"])
    assert np.mean(on_all) > 0.803
    assert np.mean(held_out) < 0.8005


def test_variants_change_constants_that_are_there_and_are_not_the_default() -> None:
    assert next(iter(VARIANTS)) == DEFAULT
    for name, variant in VARIANTS.items():
        for constant, value in variant.constants.items():
            place, _, attribute = constant.rpartition(".")
            before = getattr(import_module(place), attribute)
            assert before != pytest.approx(value), f"{name}: {constant}"
            with changed(variant.constants):
                assert getattr(import_module(place), attribute) == value
            assert getattr(import_module(place), attribute) == before
        assert bool(variant.constants) + (variant.settings != MethodSettings()) == (name != DEFAULT)


def test_the_table_names_who_gains_and_who_loses() -> None:
    text = markdown(cross_validate(SCORES, [["a"], ["b"], ["c"]]), SCORES)
    assert "| c | more | 90.00 | 20.00 | 90.00 |" in text
    assert "| more | 66.67 | -16.67 ± 26.67 | a +10.0 | c -70.0 |" in text
    assert "Chosen on all clips (default): 83.33." in text
    assert "Chosen without the clips that are measured: 60.00." in text


def test_what_is_in_the_file_of_scores_is_not_tracked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SCORES:
        for kind in ("JPEGImages", "Annotations"):
            (tmp_path / "davis16-dev" / kind / "480p" / name).mkdir(parents=True)
    (tmp_path / "composites-dev" / "JPEGImages" / "480p").mkdir(parents=True)
    known = {name: dict.fromkeys(VARIANTS, row[DEFAULT]) for name, row in SCORES.items()}
    del known["b"]["decided 2"]
    scores, output = tmp_path / "scores.json", tmp_path / "out.json"
    scores.write_text(json.dumps(known))
    tracked = []

    def jf(clip: Clip, _: object, variant: Variant) -> float:
        tracked.append((clip.name, variant))
        return 0.75

    monkeypatch.setattr(module, "_jf", jf)
    monkeypatch.setattr(CachedEngine, "load", lambda *_: None)
    places = ["--clips", tmp_path, "--scores", scores, "--output", output, "--folds", 3]
    monkeypatch.setattr("sys.argv", ["cross_validation.py", *map(str, places)])
    module.main()
    assert tracked == [("b", VARIANTS["decided 2"])]
    assert json.loads(scores.read_text())["b"]["decided 2"] == 0.75
    found = json.loads(output.read_text())
    assert found["clips"]["b"]["decided 2"] == 0.75
    assert len(found["folds"]) == 3
    assert output.with_suffix(".md").exists()
