"""Ten kills of `benchmarks.kills`: the results are those of an uninterrupted run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_runs_that_are_killed_go_on_to_the_same_results(tmp_path: Path) -> None:
    output = tmp_path / "kills.json"
    arguments = ["--kills", "10", "--seed", "3", "--output", str(output)]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.kills", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(output.read_text())
    assert (found["kills"], found["runs_that_differ"]) == (10, [])
    assert found["gone_on_from_a_checkpoint"] > 0
