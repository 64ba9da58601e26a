"""``persam-vos eval`` on masks that are there already, called as click calls it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from persam_vos_cli.eval_command import evaluate
from PIL import Image

from persam_vos.errors import DatasetError, ScoringError, UsageError


@pytest.fixture
def options(tmp_path):
    """A dataset of one clip, and predictions that cover half of its two objects."""
    for kind, width in (("JPEGImages", 0), ("Annotations", 20), ("predictions", 10)):
        folder = tmp_path / kind / "clip"
        folder.mkdir(parents=True)
        labels = np.zeros((40, 60), np.uint8)
        labels[5:15, 10 : 10 + width] = 1
        labels[20:30, 10 : 10 + width] = 2
        for k in range(4):
            Image.fromarray(labels).save(folder / f"{k:05d}.png")
    return ["folder", "--root", tmp_path, "--predictions", tmp_path / "predictions"]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(evaluate, [*map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_predictions_are_scored_without_a_network_and_without_an_output(options):
    assert "clip_2" in run(*options)
    told = json.loads(run(*options, "--json"))
    assert told["global"]["J"]["mean"] == 0.5
    assert told["run"] == {"dataset": "folder", "split": "all", "mode": "multi", "settings": None}


def test_single_object_takes_all_labels_as_one(options):
    told = json.loads(run(*options, "--json", "--single-object"))
    assert [one["id"] for one in told["sequences"][0]["objects"]] == [1]


@pytest.mark.parametrize(("least", "passes"), [(0.1, True), (0.99, False)])
def test_min_jf_is_a_gate(options, least, passes):
    if passes:
        run(*options, "--min-jf", least)
        return
    with pytest.raises(ScoringError, match=r"--min-jf: got J&F 0\.\d+, expected at least 0.99"):
        run(*options, "--min-jf", least)


def test_a_gate_fails_with_one_line_and_code_1(options):
    command = [sys.executable, "-m", "persam_vos_cli.main", "eval", *map(str, options)]
    done = subprocess.run([*command, "--min-jf", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("persam-vos: --min-jf: got J&F 0.")
    assert len(done.stderr.splitlines()) == 1
    assert "clip_1" in done.stdout


def test_missing_frames_are_an_error_unless_allowed(options, tmp_path):
    (tmp_path / "predictions/clip/00002.png").unlink()
    with pytest.raises(ScoringError, match=r"00002\.png"):
        run(*options)
    assert "1 of 2 frames missing" in run(*options, "--allow-missing")


def test_tracking_needs_an_output(options):
    with pytest.raises(UsageError, match="--output"):
        run(*options[:3])


def test_unknown_clips_are_named(options):
    with pytest.raises(DatasetError, match="unknown clips bear, dog"):
        run(*options, "--sequences", "bear,clip, dog")


@pytest.mark.parametrize(
    "wrong", [["imagenet"], ["--sequences", ","], ["--min-jf", "70"], ["--workers", "0"]]
)
def test_wrong_options_are_usage_errors(options, wrong):
    arguments = wrong if wrong == ["imagenet"] else [*options, *wrong]
    assert CliRunner().invoke(evaluate, [*map(str, arguments)]).exit_code == 2


def test_every_data_set_has_its_own_help_and_unknown_ones_are_told():
    told = CliRunner().invoke(evaluate, ["--help"]).output
    for name in ("davis2017", "folder", "perseg", "coco20i"):
        assert name in told
    assert "--sequences" in CliRunner().invoke(evaluate, ["folder", "--help"]).output
    assert "--episodes" in CliRunner().invoke(evaluate, ["perseg", "--help"]).output
    early = CliRunner().invoke(evaluate, ["--root", "x", "perseg"])
    assert "got '--root', expected a data set first" in early.output
    wrong = CliRunner().invoke(evaluate, ["imagenet"])
    assert "got data set 'imagenet', expected one of davis2017" in wrong.output
