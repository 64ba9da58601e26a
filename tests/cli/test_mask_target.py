from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine, overlap
from persam_vos_cli import mask_command
from persam_vos_cli.main import cli
from PIL import Image

from persam_vos import fit_target
from persam_vos.media.label_png import read_label_map, write_label_png


@pytest.fixture
def folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    demo_frames: DemoFrames,
    engine: RememberingEngine,
) -> Path:
    """A target, a picture that shows it and one that does not; the command has the engine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mask_command, "load_engine", lambda *_: engine)
    Image.fromarray(demo_frames.frames[0].image).save("photo.png")
    write_label_png(Path("mask.png"), (demo_frames.labels[0] == 3).astype(np.uint8))
    fit_target([("photo.png", "mask.png")], "cup.safetensors", engine=engine)
    Image.fromarray(demo_frames.frames[-1].image).save("with.png")
    Image.fromarray(np.full((90, 160, 3), 40, np.uint8)).save("without.png")
    return tmp_path


def run(*arguments: str) -> None:
    cli.main(["mask", *arguments, "--target", "cup.safetensors"], standalone_mode=False)


def test_a_picture_that_shows_it_gets_its_mask(
    folder: Path, demo_frames: DemoFrames, capsys: pytest.CaptureFixture[str]
) -> None:
    run("with.png", "-o", "found.png", "--preview", "look.png", "--json")
    facts = json.loads(capsys.readouterr().out)
    (found,) = facts["objects"]
    assert found["confidence"] >= 0.9
    labels = read_label_map(folder / "found.png")
    assert int((labels == 1).sum()) == found["area_px"]
    assert overlap(labels, demo_frames.labels[-1], 3, as_id=1) > 0.7
    with Image.open(folder / "look.png") as preview:
        assert preview.size[0] >= 160


@pytest.mark.usefixtures("folder")
def test_a_picture_without_it_gets_an_empty_mask(capsys: pytest.CaptureFixture[str]) -> None:
    run("without.png", "-o", "none.png")
    assert "object 1: not found, its mask is empty (" in capsys.readouterr().out
    assert not read_label_map("none.png").any()


def test_a_target_stands_alone() -> None:
    with pytest.raises(click.UsageError, match="expected --target alone"):
        run("with.png", "-o", "found.png", "--point", "1=5,5")
