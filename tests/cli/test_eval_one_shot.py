"""`persam-vos eval` on one-shot data sets, called as click calls it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from one_shot_trees import write_fss, write_perseg
from persam_vos_cli.eval_command import evaluate

from persam_vos.errors import DatasetError, ScoringError, UsageError


def run(*arguments: object) -> str:
    result = CliRunner().invoke(evaluate, [*map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture
def options(tmp_path):
    """PerSeg, and the true masks as predictions of another tool."""
    root = write_perseg(tmp_path / "perseg")
    return ["perseg", "--root", root, "--predictions", root / "data/Annotations",
            "-o", tmp_path / "out", "-q"]  # fmt: skip


def test_figures_stand_beside_published_ones(options, tmp_path):
    told = run(*options)
    assert "masks of a folder" in told
    assert "100.0" in told
    assert "PerSAM-F (arXiv 2305.03048)" in told
    assert f"report   {tmp_path / 'out/report.html'}" in told
    assert json.loads(run(*options, "--json"))["mean"]["mean_iou"] == 1


def test_a_part_is_told_to_be_one(options):
    assert "note: not all episodes" in run(*options, "--limit", 2)


def test_missing_predictions_are_an_error(options, tmp_path):
    (tmp_path / "perseg/data/Annotations/cat/02.png").rename(tmp_path / "elsewhere.png")
    with pytest.raises(DatasetError, match=r"no Annotations/cat/02\.png"):
        run(*options)
    (tmp_path / "elsewhere.png").rename(tmp_path / "perseg/data/Annotations/cat/02.png")
    with pytest.raises(ScoringError, match=r"class can, .*can/01\.png"):
        run(*options, "--predictions", tmp_path)


def test_contradictions_are_told_before_anything_is_read(options, tmp_path):
    with pytest.raises(UsageError, match="without"):
        run("perseg", "--root", tmp_path / "nowhere", "-o", tmp_path / "out",
            "--recipe", "upstream", "--without", "refinement")  # fmt: skip
    with pytest.raises(UsageError, match="fold of PerSeg"):
        run(*options, "--fold", 1)


@pytest.mark.parametrize("wrong", [["--eval-size", "518"], ["--limit", "0"], ["--shots", "0"]])
def test_wrong_options_are_usage_errors(options, wrong):
    assert CliRunner().invoke(evaluate, [*map(str, options), *wrong]).exit_code == 2


@pytest.mark.slow
def test_the_real_network_finds_a_bright_box(tmp_path):
    root = write_fss(tmp_path)
    told = json.loads(run("fss1000", "--root", root, "-o", tmp_path / "out", "--limit", 2,
                          "--method", "persam", "--json", "-q"))  # fmt: skip
    assert told["mean"]["mean_iou"] > 0.7
    assert told["settings"]["photos"]["method"] == "persam"
    assert told["settings"]["weights"]["name"] == "mobile-sam"
