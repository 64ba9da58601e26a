"""`persam-vos mask`: the mask, the preview, what is printed, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from command import run_command
from demo_clip import DemoFrames, overlap
from persam_vos_cli.main import main
from PIL import Image

from persam_vos.media.label_png import read_label_map, write_label_png

QUICK = ["--device", "cpu", "--image-size", "512", "--backend", "torch"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, demo_frames: DemoFrames) -> Path:
    base = tmp_path_factory.mktemp("mask")
    Image.fromarray(demo_frames.frames[0].image).save(base / "photo.png")
    write_label_png(base / "given.png", (demo_frames.labels[0] == 2).astype(np.uint8))
    return base


@pytest.fixture(scope="module")
def box(demo_frames: DemoFrames) -> str:
    rows, columns = np.nonzero(demo_frames.labels[0] == 3)
    return f"3={columns.min()},{rows.min()},{columns.max()},{rows.max()}"


def test_a_box_makes_a_mask_and_shows_it(folder: Path, box: str, demo_frames: DemoFrames) -> None:
    shown = ["--preview", "p.png", "--candidates", "--json"]
    result = run_command(
        "mask", "photo.png", "--box", box, "-o", "new/m.png", *shown, *QUICK, cwd=folder
    )
    assert result.returncode == 0, result.stderr
    labels = read_label_map(folder / "new/m.png")
    assert overlap(labels, demo_frames.labels[0], 3) > 0.8
    facts = json.loads(result.stdout)
    assert (facts["mask"], facts["preview"], facts["frame"]) == ("new/m.png", "p.png", 0)
    (one,) = facts["objects"]
    assert one["object_id"] == 3 and one["area_px"] == int((labels == 3).sum())
    assert 0 < one["predicted_iou"] <= 1
    with Image.open(folder / "p.png") as picture:
        assert picture.width == 3 * 854, "three candidates"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "got no prompt, expected --box, --point, --rough or --target"),
        (["--box", "1=1,1,9,9", "--candidates"], 2, "--candidates without --preview"),
        (["--box", "1=900,1,950,9"], 2, "got 900,1, which is outside of the picture"),
        (["--box", "1=9,9,9,20"], 2, "expected x0 < x1 and y0 < y1"),
        (["--point", "1=x,y"], 2, "expected 2 numbers"),
        (["--point", "1=9,9,-"], 2, "only points that do not belong to it"),
        (["--box", "1=1,1,9,9", "--box", "1=2,2,9,9"], 2, "got two boxes"),
        (["--box", "7:1=1,1,9,9"], 2, "expected a frame from 0 to 0"),
        (["--box", "1:1=1,1,9,9", "--point", "2:1=5,5"], 2, "expected those of one frame"),
        (["--box", "1=1,1,9,9", "--preview", "out.png"], 2, "got the name of the mask"),
        (["--box", "1=1,1,9,9", "-o", "photo.png", "--overwrite"], 1, "a file that is an input"),
        (["--box", "1=1,1,9,9", "-o", "given.png"], 1, "--overwrite to replace it"),
    ],
)
def test_a_wrong_prompt_is_one_line_and_nothing_is_written(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    output = [] if "-o" in arguments else ["-o", "out.png"]
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["persam-vos", "mask", "photo.png", *arguments, *output])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and message in said
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
