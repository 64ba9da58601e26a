"""`persam-vos check` as people run it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from command import run_command
from odd_masks import ODD_MASKS, SIZE_HW
from odd_videos import Clip
from persam_vos_cli.main import main

from persam_vos.media.label_png import read_label_map


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A video and good and bad masks."""
    Clip(name="v.mp4", size_hw=SIZE_HW).make(tmp_path)
    for kind in ("palette", "soft edges", "a photo"):
        ODD_MASKS[kind].write(tmp_path / kind.replace(" ", "-"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Run the command in this process; returns the exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", ["persam-vos", "check", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.mark.usefixtures("files")
def test_a_good_input_exits_with_0_and_a_bad_one_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = ("v.mp4", "--first-mask", "palette.png", "--no-measure")
    code, out, err = run(monkeypatch, capsys, *good)
    assert (code, err) == (0, "")
    assert out.startswith("v.mp4\n")
    assert out.endswith("Nothing stands in the way of a run.\n")
    bad = ("v.mp4", "--first-mask", "soft-edges.png", "--no-measure")
    code, out, err = run(monkeypatch, capsys, *bad)
    assert (code, err) == (1, "")
    words = " ".join(out.split())
    assert "error soft-edges.png: soft edges" in words
    assert "or clean it with --fix" in words
    assert out.endswith("A run would fail.\n")


@pytest.mark.usefixtures("files")
def test_fix_writes_a_clean_mask_and_looks_at_that(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fix = ("v.mp4", "--first-mask", "7=soft-edges.png", "--no-measure", "--fix", "clean.png")
    code, out, err = run(monkeypatch, capsys, *fix, "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts["fixed"]["path"] == "clean.png"
    assert facts["fixed"]["changes"] == ["soft-edges.png: its greys were cut at 128"]
    assert [file["path"] for file in facts["mask_files"]] == ["clean.png"]
    assert {*read_label_map("clean.png").ravel()} == {0, 7}
    code, out, err = run(monkeypatch, capsys, *fix)
    assert (code, out) == (1, "")
    assert "is never replaced" in err


WRONG = {
    "fix without a mask": (["v.mp4", "--fix", "o.png"], 2, "got --fix without a mask"),
    "specks without fix": (["v.mp4", "--specks", "9"], 2, "got --specks alone"),
    "no video": ([], 2, "VIDEO"),
    "a photo for a mask": (
        ["v.mp4", "--first-mask", "a-photo.png", "--fix", "o.png"],
        1,
        "a photograph",
    ),
    "a mask for JPEG": (
        ["v.mp4", "--first-mask", "palette.png", "--fix", "o.jpg"],
        1,
        "one that ends in .png",
    ),
    "an input to be replaced": (
        ["v.mp4", "--first-mask", "palette.png", "--fix", "palette.png"],
        1,
        "choose another",
    ),
    "a method that does not fit": (
        ["v.mp4", "--first-mask", "palette.png", "--method", "memory", "--recipe", "upstream"],
        2,
        "--method",
    ),
    "an address": (["https://example.org/v.mp4"], 2, "--allow-network"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_line_and_writes_nothing(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    arguments, expected, words = WRONG[case]
    before = {path: path.stat().st_mtime_ns for path in files.iterdir()}
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert (code, out) == (expected, "")
    assert len(err.splitlines()) == 1, err
    assert words in err
    assert {path: path.stat().st_mtime_ns for path in files.iterdir()} == before


@pytest.mark.slow
def test_a_few_frames_are_timed_as_track_would_run_them(files: Path) -> None:
    ended = run_command(
        *("check", "v.mp4", "--first-mask", "palette.png", "--image-size", "256", "--json"),
        cwd=files,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    estimate = json.loads(ended.stdout)["estimate"]
    assert (estimate["frame_count"], estimate["object_count"]) == (12, 2)
    assert estimate["seconds"] > estimate["start_seconds"] > 0
    assert [path.name for path in files.iterdir() if path.is_dir()] == []
