"""`persam-vos track` with several videos, as people run it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import run_command
from PIL import Image

from persam_vos.demo.render import render_demo
from persam_vos.media.label_png import write_label_png

FAST = ["--device", "cpu", "--image-size", "256", "--no-overlay"]
MASKS = ["--first-mask", "masks/{name}.png"]


def run(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("track", *arguments, *FAST, cwd=cwd)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clips there and back, of two pictures each, with a mask of another object for each."""
    base = tmp_path_factory.mktemp("clips")
    (base / "masks").mkdir()
    rendered = list(render_demo(2, (90, 160)))
    for name, frames, object_id in (("there", rendered, 2), ("back", rendered[::-1], 3)):
        (base / name).mkdir()
        for index, (image, _) in enumerate(frames):
            Image.fromarray(image).save(base / name / f"{index}.png")
        labels = frames[0][1]
        write_label_png(base / f"masks/{name}.png", labels * (labels == object_id))
    return base


def test_each_video_gets_its_masks_and_folder_and_one_that_fails_is_told(clips: Path) -> None:
    ended = run(clips, "there", "gone.mp4", "back", *MASKS, "--output", "cuts")
    assert ended.returncode == 1
    wrong, first, second, last = ended.stderr.splitlines()
    assert wrong.startswith("persam-vos: gone.mp4: got no such file or folder")
    assert first.startswith("2/3 there: 2 frames, ")
    assert second.startswith("3/3 back: 2 frames, ")
    assert last.startswith("persam-vos: 1 of 3 videos failed (gone.mp4); ")
    titles = ["there", "2 frames, objects 2", "back", "2 frames, objects 3"]
    shown = [line for line in ended.stdout.splitlines() if not line.startswith(("masks", "log"))]
    assert [line.rpartition(", ")[0] or line for line in shown] == titles
    assert {path.name for path in (clips / "cuts").iterdir()} == {"there_tracked", "back_tracked"}
    log = json.loads((clips / "cuts/back_tracked/track.json").read_text())
    assert (log["complete"], log["object_ids"]) == (True, [3])
    assert log["command"].startswith("persam-vos track there gone.mp4 back --first-mask")


@pytest.mark.slow
def test_workers_and_json_without_an_output_and_a_quiet_failure(clips: Path) -> None:
    quiet = ["--workers", "2", "--json", "--quiet"]
    ended = run(clips, "back", "there", "gone.mp4", *MASKS, *quiet)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 2, "what failed, and that something did"
    facts: list[dict[str, Any]] = json.loads(ended.stdout)
    assert [one["input"] for one in facts] == ["back", "there", "gone.mp4"]
    assert [one.get("output") for one in facts] == ["back_tracked", "there_tracked", None]
    assert "no such file" in facts[2]["error"]
    assert facts[0]["object_ids"] == [3]


def test_the_name_of_one_video_stands_in_its_masks_too(clips: Path) -> None:
    ended = run(clips, "there", *MASKS, "--output", "one")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (clips / "one/track.json").exists()
