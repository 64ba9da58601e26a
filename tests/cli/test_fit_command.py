"""`persam-vos fit` and `track --target` as people run them: a process of its own, real weights."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import pytest
from command import run_command
from demo_clip import DemoFrames, overlap
from made_targets import made_target
from persam_vos_cli.main import cli
from PIL import Image

from persam_vos.errors import OutputError, TargetError
from persam_vos.media.label_png import read_label_map, write_label_png
from persam_vos.targets.target_file import read_target, write_target

QUICK = ("--device", "cpu", "--quiet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, demo_frames: DemoFrames) -> Path:
    """A photo with its mask, and a clip of a picture without the object and one with it."""
    base = tmp_path_factory.mktemp("fit")
    Image.fromarray(demo_frames.frames[0].image).save(base / "photo.png")
    labels = np.where(demo_frames.labels[0] == 3, 3, 0).astype(np.uint8)
    write_label_png(base / "mask.png", labels)
    (base / "clip").mkdir()
    noise = np.random.default_rng(0).integers(0, 60, demo_frames.frames[0].image.shape)
    Image.fromarray(noise.astype(np.uint8)).save(base / "clip" / "0.png")
    Image.fromarray(demo_frames.frames[-1].image).save(base / "clip" / "1.png")
    return base


@pytest.mark.slow
def test_a_photo_is_learned_and_its_object_found_in_a_clip(
    folder: Path, demo_frames: DemoFrames
) -> None:
    fitted = run_command(
        "fit", "photo.png", "mask.png", "-o", "cup.safetensors", "--json", *QUICK, cwd=folder
    )
    assert (fitted.returncode, fitted.stderr) == (0, "")
    facts = json.loads(fitted.stdout)
    assert facts["object_ids"] == [3]
    assert facts["size_bytes"] == (folder / "cup.safetensors").stat().st_size < 4_000_000
    assert read_target(folder / "cup.safetensors").object_ids == (3,)

    tracked = run_command(
        *("track", "clip", "--target", "cup.safetensors", "-o", "out", "--no-overlay", "--json"),
        *("--device", "cpu"),
        cwd=folder,
    )
    assert tracked.returncode == 0
    assert "found on frame 1 (object 3" in tracked.stderr
    summary = json.loads(tracked.stdout)
    assert summary["sighting"]["frame"] == 1
    assert summary["frame_count"] == 2
    assert not read_label_map(folder / "out/masks/0.png").any()
    found = read_label_map(folder / "out/masks/1.png")
    assert overlap(found, demo_frames.labels[-1], 3) > 0.7
    log = json.loads((folder / "out/track.json").read_text())
    assert log["target"]["references"][0]["name"] == "photo.png"
    assert log["target"]["sighting"]["object_ids"] == [3]


def test_a_mask_is_missing() -> None:
    with pytest.raises(click.UsageError, match="got 3 files, expected a mask after each image"):
        cli.main(["fit", "photo.png", "mask.png", "photo.png"], standalone_mode=False)


def test_a_target_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    write_target(path, made_target())
    before = path.read_bytes()
    with pytest.raises(OutputError, match="there already"):
        cli.main(["fit", "photo.png", "mask.png", "-o", str(path)], standalone_mode=False)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\xff" * 200, b"\x02\0\0\0\0\0\0\0{}"])
def test_a_damaged_target_is_refused_and_nothing_is_written(
    content: bytes, folder: Path, tmp_path: Path
) -> None:
    path, out = tmp_path / "broken.safetensors", tmp_path / "out"
    path.write_bytes(content)
    arguments = ["track", str(folder / "clip"), "--target", str(path), "-o", str(out)]
    with pytest.raises(TargetError, match="expected a target file"):
        cli.main(arguments, standalone_mode=False)
    assert not out.exists()


@pytest.mark.slow
def test_a_damaged_target_is_one_line_and_exit_code_2(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"\xff" * 200)
    done = run_command("track", "clip", "--target", path, *QUICK, cwd=folder)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"persam-vos: {path}: got ")
