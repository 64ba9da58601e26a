"""`persam-vos segment` as people run it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from command import run_command
from demo_clip import DemoFrames
from persam_vos_cli.main import cli
from PIL import Image

from persam_vos.errors import PersamVosError
from persam_vos.media.label_png import write_label_png

SHOWN = ("--reference", "ref.png", "--mask", "mask.png")


@pytest.fixture
def album(tmp_path: Path, demo_frames: DemoFrames) -> Path:
    Image.fromarray(demo_frames.frames[0].image).save(tmp_path / "ref.png")
    labels = np.where(demo_frames.labels[0] == 3, 3, 0).astype(np.uint8)
    write_label_png(tmp_path / "mask.png", labels)
    (tmp_path / "photos").mkdir()
    Image.fromarray(demo_frames.frames[3].image).save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "b.jpg").write_bytes(b"broken")
    return tmp_path


@pytest.mark.slow
def test_an_object_is_found_and_a_broken_photo_is_told(album: Path) -> None:
    shown = ("--reference", "ref.png", "--mask", "mask.png", "-o", "out", "--device", "cpu")
    done = run_command("segment", "photos", *shown, "--json", cwd=album)
    assert done.returncode == 1
    assert "b.jpg" in done.stderr
    assert "Traceback" not in done.stderr
    facts = json.loads(done.stdout)
    assert (facts["photo_count"], facts["found"]) == (2, {"3": 1})
    assert (album / "out" / "overview.html").exists()
    again = run_command("segment", "photos", *shown, cwd=album)
    assert again.returncode == 1
    assert "--overwrite" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("photos",), "neither of reference"),
        (("photos", "--reference", "ref.png"), "nothing that shows"),
        (("photos", "--reference", "ref.png", "--mask", "mask.png", "--target", "t"), "both"),
        (("nothing", "--reference", "ref.png", "--mask", "mask.png"), "no such file"),
        (("photos", "--reference", "ref.png", "--box", "1=0,0,1"), "4 numbers"),
        (("photos", *SHOWN, "--method", "match", "--recipe", "public"), "match with"),
    ],
)
def test_wrong_calls_are_told_before_a_network_is_loaded(
    album: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(album)
    result = CliRunner().invoke(cli, ["segment", *arguments])
    assert result.exit_code != 0
    assert said in f"{result.output} {result.exception}"
    if not result.output:
        assert isinstance(result.exception, PersamVosError)
