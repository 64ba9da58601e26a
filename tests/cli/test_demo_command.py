"""`persam-vos demo` as people run it, at the smallest size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import run_command


@pytest.mark.slow
def test_the_demo_is_rendered_tracked_and_scored(tmp_path: Path) -> None:
    fast = ["--image-size", "256", "--device", "cpu", "--quiet", "--json"]
    ended = run_command("demo", *fast, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    facts = json.loads(ended.stdout)
    assert facts["clip"] == str(Path("demo/clip/clip.mp4"))
    assert (facts["frame_count"], facts["object_ids"]) == (48, [1, 2, 3])
    assert 0.5 < facts["J"] <= 1
    assert (tmp_path / "demo/result/overlay.mp4").is_file()
    refused = run_command("demo", *fast, cwd=tmp_path)
    assert refused.returncode == 1
    assert "--overwrite" in refused.stderr
