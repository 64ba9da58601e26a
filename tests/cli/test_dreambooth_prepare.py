"""`persam-vos dreambooth prepare` as people run it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command import run_command
from demo_clip import DemoFrames
from PIL import Image


@pytest.fixture
def album(tmp_path: Path, demo_frames: DemoFrames) -> Path:
    (tmp_path / "dog").mkdir()
    for name, number in (("a.jpg", 0), ("b.jpg", 3)):
        Image.fromarray(demo_frames.frames[number].image).save(tmp_path / "dog" / name)
    labels = np.where(demo_frames.labels[0] == 3, 255, 0).astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "first.png")
    return tmp_path


@pytest.mark.slow
def test_masks_are_written_and_told(album: Path) -> None:
    Image.new("RGB", (160, 90), (90, 120, 90)).save(album / "dog" / "c.png")
    shown = ("dreambooth", "prepare", "dog", "--mask", "first.png", "--device", "cpu")
    done = run_command(*shown, "--json", cwd=album)
    assert done.returncode == 1, "the subject is not in c.png"
    assert not done.stderr
    facts = json.loads(done.stdout)
    assert facts["sheets"] == ["masks/contact-sheet.png"]
    assert [one["given"] for one in facts["photos"].values()] == [True, False, False]
    assert facts["photos"]["b.jpg"]["coverage"] > 0
    assert facts["photos"]["c.png"]["gates"] == ["not found"]
    (album / "dog" / "c.png").unlink()
    again = run_command(*shown, "--overwrite", cwd=album)
    assert again.returncode == 0, again.stderr
    assert "b.jpg" in again.stdout
    assert not (album / "masks" / "c.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dog",), "--mask: got neither"),
        (("dog", "--mask", "nothing.png"), "--mask nothing.png: got missing"),
        (("nothing", "--mask", "first.png"), "nothing: got no such folder"),
        (("dog", "--mask", "first.png", "-o", "dog/masks"), "--output dog/masks"),
        (("dog", "--box", "2:1=0,0,9,9"), "--reference names the photo"),
        (("dog", "--mask", "first.png", "--method", "match", "--recipe", "upstream"), "--method"),
    ],
)
def test_wrong_calls_are_told_in_flags(album: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run_command("dreambooth", "prepare", *arguments, "--no-sandbox", cwd=album)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(one.name for one in album.iterdir()) == ["dog", "first.png"]
