"""``persam-vos compare`` on what ``persam-vos score`` wrote."""

from __future__ import annotations

import json

import click
import numpy as np
import pytest
from click.testing import CliRunner
from persam_vos_cli.compare_command import compare
from persam_vos_cli.main import cli
from persam_vos_cli.score_command import score
from PIL import Image

from persam_vos.errors import ScoringError


def run(command: click.Command, *arguments: object) -> str:
    result = CliRunner().invoke(command, [*map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture
def scored(tmp_path):
    """Two scored folders: b covers half of the object on clip [x], a all of it."""
    for name, width in (("gt", 20), ("a", 20), ("b", 10)):
        for clip in ("[x]", "y"):
            folder = tmp_path / name / clip
            folder.mkdir(parents=True)
            labels = np.zeros((40, 60), np.uint8)
            labels[10:30, 10 : 10 + (width if clip == "[x]" else 20)] = 1
            for k in range(4):
                Image.fromarray(labels).save(folder / f"{k:05d}.png")
    for name in "ab":
        output = tmp_path / f"scores-{name}"
        run(score, tmp_path / name, tmp_path / "gt", "--workers", 1, "--output", output)
    return tmp_path / "scores-a", tmp_path / "scores-b"


def test_worst_clip_is_on_top_and_the_total_below(scored):
    lines = [line.split() for line in run(compare, *scored).splitlines() if line.strip()]
    rows = {line[0]: line for line in lines}
    names = [line[0] for line in lines]
    assert names.index("[x]") < names.index("y") < names.index("total")
    assert rows["[x]"][4:7] == ["100.0", "50.0", "-50.0"]
    assert rows["y"][3] == rows["y"][6] == "0.0"
    assert rows["total"][4:7] == ["100.0", "75.0", "-25.0"]


def test_json_has_all_digits(scored):
    told = json.loads(run(compare, *scored, "--json"))
    assert told["clips"][0]["name"] == "[x]"
    assert told["clips"][0]["difference"]["J"] == -0.5


def test_clips_of_one_run_only_are_noted(scored, tmp_path):
    output = tmp_path / "few"
    run(score, tmp_path / "a", tmp_path / "gt", "--sequence", "y", "--workers", 1, "-o", output)
    assert "note: only in A: [x]" in run(compare, scored[0], output)


def test_a_folder_without_results_is_named(scored, tmp_path):
    with pytest.raises(ScoringError, match=r"gt/results\.json.*eval. or .score"):
        run(compare, scored[0], tmp_path / "gt")


def test_it_is_a_subcommand():
    assert "Show two runs side by side" in run(cli, "--help")
    assert "worst regressions first" in run(cli, "compare", "--help")
