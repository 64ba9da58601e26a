"""Whole runs: files, resuming, failures, later objects."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from persam_vos.datasets.catalog import open_split
from persam_vos.errors import DatasetError, OutputError, ScoringError
from persam_vos.evaluation import EvalEvents, evaluate, evaluate_predictions
from persam_vos.request import EngineChoice
from persam_vos.scoring import score_folders

CHOICE = EngineChoice(device="cpu")
SCORES = ("results.json", "global_results-all.csv", "per-sequence_results-all.csv")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def masks_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def test_a_run_leaves_what_the_contract_says(run, tree):
    found, output = run
    assert names_in(output) == {*SCORES, "run.json", "report.html", "predictions"}
    for clip in ("there", "back"):
        frames = {f"{k:05d}.png" for k in range(3)}
        assert names_in(output / "predictions" / clip) == {*frames, "clip.json"}
    results = json.loads((output / "results.json").read_text())
    assert results["run"]["dataset"] == "folder"
    assert results["run"]["settings"]["weights"]["name"] == "mobile-sam"
    assert found.texts["results.json"] == (output / "results.json").read_text()
    told = json.loads((output / "run.json").read_text())
    assert told["complete"]
    assert (told["command"], told["root"]) == ("a test", str(tree))
    assert [clip["name"] for clip in told["clips"]] == ["back", "there"]
    assert [clip["object_ids"] for clip in told["clips"]] == [[1, 2, 3]] * 2
    assert all(clip["wall_seconds"] > 0 for clip in told["clips"])
    assert all(clip["peak_memory_bytes"] > 1e8 for clip in told["clips"])


def test_scores_are_those_of_the_masks(run, tree):
    found, output = run
    again = score_folders(output / "predictions", tree / "Annotations")
    assert found.score.jf_mean == again.jf_mean
    for one, other in zip(found.score.sequences, again.sequences, strict=True):
        np.testing.assert_array_equal(one.region, other.region)


def test_finished_clips_are_kept_and_the_scores_are_the_same(run, copy_of_run, tree):
    before = {name: (copy_of_run / name).read_bytes() for name in SCORES}
    stamps = {p: p.stat().st_mtime_ns for p in (copy_of_run / "predictions").rglob("*.png")}
    found = evaluate(open_split("folder", tree), copy_of_run, CHOICE)
    assert [outcome.reused for outcome in found.outcomes] == [True, True]
    assert found.outcomes[0].facts == run[0].outcomes[0].facts
    assert {name: (copy_of_run / name).read_bytes() for name in SCORES} == before
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps


def test_a_run_on_fewer_clips_takes_its_own_only(copy_of_run, tree):
    split = open_split("folder", tree, names=("there",))
    found = evaluate(split, copy_of_run, CHOICE)
    assert found.score is not None
    assert [clip.name for clip in found.score.sequences] == ["there"]


@pytest.mark.parametrize("change", ["settings", "backend", "mode", "image"])
def test_stale_masks_are_refused_and_stay(copy_of_run, tree, tmp_path, change):
    moved = shutil.copytree(tree, tmp_path / "moved")
    split, choice = open_split("folder", moved), CHOICE
    if change == "settings":
        choice = replace(CHOICE, settings=replace(CHOICE.settings, method="persam"))
    elif change == "backend":
        choice = replace(CHOICE, backend="onnx")
    elif change == "mode":
        split = replace(split, mode="single")
    else:
        Image.new("RGB", (160, 90)).save(moved / "JPEGImages/there/00002.png")
    with pytest.raises(OutputError, match=r"earlier results in .*another output, or add overwrite"):
        evaluate(split, copy_of_run, choice)
    assert len(masks_in(copy_of_run / "predictions/there")) == 3


def test_results_of_others_are_not_taken_over(tree, tmp_path):
    (tmp_path / "predictions" / "clip").mkdir(parents=True)
    with pytest.raises(OutputError, match="already holds predictions"):
        evaluate(open_split("folder", tree), tmp_path, CHOICE)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="got a file"):
        evaluate(open_split("folder", tree), tmp_path / "file", CHOICE)


COMMAND = (sys.executable, "-m", "persam_vos_cli.main", "eval", "folder", "--device", "cpu")


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bytes(run, tree, tmp_path):
    output = tmp_path / "out"
    command = [*COMMAND, "--root", str(tree), "--output", str(output)]
    second = output / "predictions" / "there"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as killed:
        while not masks_in(second) and killed.poll() is None:
            time.sleep(0.02)
        os.kill(killed.pid, signal.SIGKILL)
    assert json.loads((second / "clip.json").read_text())["facts"] is None
    assert names_in(output) == {"run.json", "predictions"}
    assert not json.loads((output / "run.json").read_text())["complete"]
    resumed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert resumed.stderr.splitlines()[0].endswith("kept")
    assert "kept" not in resumed.stderr.splitlines()[1]
    for name in SCORES:
        assert (output / name).read_bytes() == (run[1] / name).read_bytes()
    for clip in ("there", "back"):
        assert masks_in(output / "predictions" / clip) == masks_in(run[1] / "predictions" / clip)


def test_one_broken_clip_does_not_stop_the_others(make_tree, rendered, tmp_path):
    root = make_tree({"broken": rendered, "whole": rendered, "worse": rendered})
    (root / "JPEGImages/broken/00001.png").write_bytes(b"no picture")
    (root / "Annotations/worse/00000.png").write_bytes(b"no mask")
    seen = []
    split, output = open_split("folder", root), tmp_path / "out"
    events = EvalEvents(on_clip=lambda one: seen.append(one.name))
    found = evaluate(split, output, CHOICE, workers=2, events=events)
    assert sorted(seen) == ["broken", "whole", "worse"]
    assert [outcome.name for outcome in found.failures] == ["broken", "worse"]
    assert all(f"/{one.name}/" in str(one.error) for one in found.failures)
    assert found.score is None
    assert names_in(output) == {"run.json", "predictions"}
    told = json.loads((output / "run.json").read_text())
    assert not told["complete"]
    assert set(told["failures"]) == {"broken", "worse"}

    split = open_split("folder", root, names=("broken", "whole"))
    scored = evaluate(split, output, CHOICE, allow_missing=True).score
    assert scored is not None
    assert scored.sequences[0].jf_mean == 0
    assert scored.sequences[1].jf_mean > 0
    assert scored.sequences[0].notes[-1].startswith("failed: ")


def test_an_object_may_appear_later(make_youtube_tree, rendered, tmp_path):
    root = make_youtube_tree(rendered, {1: 1, 2: 2, 3: 2})
    found = evaluate(open_split("youtube-vos", root), tmp_path / "out", CHOICE)
    maps = [np.array(Image.open(path)) for path in sorted(tmp_path.glob("out/predictions/late/*g"))]
    assert not maps[0].any()
    np.testing.assert_array_equal(maps[1], np.where(rendered[1][1] == 1, 1, 0))
    np.testing.assert_array_equal(np.isin(maps[2], (2, 3)), np.isin(rendered[2][1], (2, 3)))
    assert found.score is None
    assert found.submission is not None
    with zipfile.ZipFile(found.submission) as archive:
        assert archive.namelist() == [f"Annotations/late/{k:05d}.png" for k in range(3)]
    assert names_in(tmp_path / "out") == {"run.json", "predictions", "submission.zip"}


def test_predictions_of_any_tool_are_scored(run, tree, tmp_path):
    split, masks = open_split("folder", tree), run[1] / "predictions"
    found = evaluate_predictions(split, masks, tmp_path / "out")
    assert names_in(tmp_path / "out") == {*SCORES, "run.json", "report.html"}
    assert found.score is not None
    assert found.score.jf_mean == run[0].score.jf_mean
    for name in SCORES[1:]:
        assert (tmp_path / "out" / name).read_bytes() == (run[1] / name).read_bytes()
    with pytest.raises(OutputError, match="overwrite=True"):
        evaluate_predictions(split, masks, tmp_path / "out")
    evaluate_predictions(split, masks, tmp_path / "out", overwrite=True)
    with pytest.raises(OutputError, match="expected a folder without results, or one of this"):
        evaluate(split, tmp_path / "out", CHOICE)


def test_a_missing_clip_is_an_error_that_leaves_nothing(copy_of_run, tree, tmp_path):
    shutil.rmtree(copy_of_run / "predictions/there")
    split, masks = open_split("folder", tree), copy_of_run / "predictions"
    with pytest.raises(ScoringError, match="1 of 2 clips"):
        evaluate_predictions(split, masks, tmp_path / "scores")
    assert not (tmp_path / "scores").exists()
    scored = evaluate_predictions(split, masks, allow_missing=True).score
    assert scored is not None
    assert scored.sequences[1].jf_mean == 0


def test_a_split_without_truth_cannot_be_scored(make_youtube_tree, rendered, tmp_path):
    split = open_split("youtube-vos", make_youtube_tree(rendered, {1: 0}))
    with pytest.raises(DatasetError, match="first masks only"):
        evaluate_predictions(split, tmp_path)
