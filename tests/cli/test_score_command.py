import json
import sys
from subprocess import run

import numpy as np
import pytest
from click.testing import CliRunner
from persam_vos_cli.score_command import score
from PIL import Image

from persam_vos.errors import OutputError, ScoringError

CSV = ("global_results-val.csv", "per-sequence_results-val.csv")


@pytest.fixture
def folders(tmp_path):
    """Predictions and truth of one clip, one object; the prediction covers half of it."""
    for name, width in (("pred", 10), ("gt", 20)):
        folder = tmp_path / name / "clip"
        folder.mkdir(parents=True)
        labels = np.zeros((40, 60), np.uint8)
        labels[10:30, 10 : 10 + width] = 1
        for k in range(4):
            Image.fromarray(labels).save(folder / f"{k:05d}.png")
    return [str(tmp_path / "pred"), str(tmp_path / "gt")]


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(score, [*map(str, arguments), "--workers", "1"])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_tables_go_to_stdout_and_files_to_the_output(folders, tmp_path):
    output = _run(*folders, "--output", tmp_path / "out")
    assert "clip_1" in output
    assert "50.0" in output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*CSV, "results.json"}
    told = json.loads((tmp_path / "out/results.json").read_text())
    assert told["global"]["J"]["mean"] == 0.5


def test_json_prints_the_results(folders):
    assert json.loads(_run(*folders, "--json"))["sequences"][0]["name"] == "clip"


def test_earlier_results_are_kept_unless_told(folders, tmp_path):
    _run(*folders, "--output", tmp_path / "out")
    with pytest.raises(OutputError, match="overwrite=True"):
        _run(*folders, "--output", tmp_path / "out")
    _run(*folders, "--output", tmp_path / "out", "--overwrite")


def test_missing_frames_stop_or_are_noted(folders, tmp_path):
    (tmp_path / "pred/clip/00002.png").unlink()
    with pytest.raises(ScoringError, match=r"00002\.png"):
        _run(*folders, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert "note: clip: 1 of 2 frames missing" in _run(*folders, "--allow-missing")


def test_scoring_from_the_command_line_does_not_load_torch(folders):
    code = (
        "import sys; from persam_vos_cli.score_command import score\n"
        f"score({folders!r}, standalone_mode=False); sys.exit('torch' in sys.modules)"
    )
    assert run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("least", [0.9, "nan"])
def test_a_missed_gate_says_what_was_got(folders, least):
    with pytest.raises(
        ScoringError, match=f"--min-jf: got J&F 0.[0-9]+, expected at least {least}"
    ):
        _run(*folders, "--min-jf", least)


def test_a_gate_that_is_met_is_silent(folders):
    assert _run(*folders, "--min-jf", 0.1) == _run(*folders)
