"""`persam-vos dreambooth train`: its options are the settings, and its failures one line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner
from command import COMMAND
from persam_vos_cli.dreambooth_train import HELP, train
from persam_vos_cli.flags import in_flags
from persam_vos_cli.main import cli
from PIL import Image
from subject_photos import write_photos
from tiny_diffusion import save_tiny_sd

from persam_vos.dreambooth.settings import TrainSettings
from persam_vos.errors import PersamVosError

LORA_FILE = "pytorch_lora_weights.safetensors"
PROMPT = "a photo of sks dog"


def arguments(model: Path, photos: Path, *more: str) -> list[str]:
    return [
        *("dreambooth", "train", "--pretrained-model-name-or-path", str(model)),
        *("--instance-data-dir", str(photos), "--masks", str(photos.parent / "masks")),
        *("--instance-prompt", PROMPT, "--resolution", "32", "--max-train-steps", "2", *more),
    ]


def failed(more: Sequence[str]) -> tuple[int, str]:
    """Return the exit code and the line of a command that fails."""
    error = CliRunner().invoke(cli, more).exception
    assert isinstance(error, PersamVosError), error
    return error.exit_code, in_flags(error)


def test_each_setting_is_an_option_with_its_default() -> None:
    assert set(HELP) == {one.name for one in fields(TrainSettings)}
    options = {option.name: option for option in train.params}
    for one in fields(TrainSettings):
        option = options[one.name]
        assert option.required or option.default == one.default, one.name
    assert "--masks" in options["masks_dir"].opts
    assert {"--output-dir", "--output", "-o"} == set(options["output_dir"].opts)
    assert "--resume-from-checkpoint" in options["resume_from_checkpoint"].opts


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--rank", "0"], "--rank: got 0, expected 1 or more"),
        (["--alpha-mask"], "--masks: got --alpha-mask as well"),
        (["--resolution", "30"], "--resolution: got 30"),
        (["--with-prior-preservation"], "--with-prior-preservation: got no --class-data-dir"),
        (["--resume-from-checkpoint", "none"], "--resume-from-checkpoint none"),
    ],
)
def test_contradictions_are_one_line(more: list[str], line: str, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "subject")
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    before = set(tmp_path.rglob("*"))
    code, told = failed(arguments(tmp_path, photos, "-o", str(tmp_path / "out"), *more))
    assert (code, line in told) == (2, True), told
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("broken", ["empty", "missing", "size", "text"])
def test_photos_and_masks_that_do_not_fit_are_one_line(broken: str, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "subject")
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    mask = photos.parent / "masks" / "1.png"
    if broken == "missing":
        mask.unlink()
    elif broken == "text":
        (photos / "caption.txt").write_text("a dog")
    else:
        Image.new("L", (48, 40) if broken == "empty" else (40, 40)).save(mask)
    before = set(tmp_path.rglob("*"))
    code, told = failed(arguments(tmp_path, photos, "-o", str(tmp_path / "out")))
    named = ("--instance-data-dir", "caption.txt") if broken == "text" else ("--masks", "1.png")
    assert code == 2
    assert all(name in told for name in named), told
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_a_run_says_what_it_learned_and_where_it_is(tmp_path: Path) -> None:
    model, photos = tiny_model(tmp_path), write_photos(tmp_path / "subject")
    output = tmp_path / "out"
    line = arguments(model, photos, "-o", str(output))
    ended = CliRunner().invoke(cli, line)
    assert ended.exit_code == 0, ended.exception
    assert "0.png: the subject covers 25.0%" in ended.stderr
    assert "trained  2 steps, loss " in ended.stdout and ", outside " in ended.stdout
    assert f"written  {output / LORA_FILE}" in ended.stdout
    code, told = failed(line)
    assert (code, "--overwrite" in told) == (1, True)
    again = CliRunner().invoke(cli, [*line, "--overwrite", "--quiet", "--json"])
    facts = json.loads(again.stdout)
    assert again.stderr == ""
    assert facts["files"] == [str(output / LORA_FILE)]
    assert facts["coverage"]["0.png"] == 0.25
    assert facts["last"]["step"] == facts["steps"] == 2


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """As `accelerate launch` starts them, which on a CPU needs MPI; these use gloo."""
    model, photos = tiny_model(tmp_path), write_photos(tmp_path / "subject")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [*COMMAND, *arguments(model, photos, "-o", str(tmp_path / "out"))]
    line += ["--with-prior-preservation", "--class-data-dir", str(tmp_path / "class")]
    line += ["--class-prompt", "a dog", "--num-class-images", "3", "--num-inference-steps", "1"]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "LOCAL_WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            line,
            env=os.environ | shared | {"RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    told = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert told[0][0].count("trained  2 steps") == 1 and told[1][0] == ""
    assert len(list((tmp_path / "class").iterdir())) == 3
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["finished"] and record["depends_on"]["num_processes"] == 2
    assert (tmp_path / "out" / LORA_FILE).is_file()


def tiny_model(folder: Path) -> Path:
    from persam_vos.dreambooth.extra import quiet_libraries

    with quiet_libraries():
        return save_tiny_sd(folder / "model")
