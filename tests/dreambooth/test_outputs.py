"""Results are never written over what they should not replace."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from train_settings import small_run

from persam_vos.dreambooth.outputs import check_output, read_record, remove, write_record
from persam_vos.dreambooth.settings import TrainSettings
from persam_vos.errors import OutputError, UsageError


def run_into(output: Path, **changes: Any) -> TrainSettings:
    return small_run(Path("model"), Path("subject/photos"), output, **changes)


def earlier_run(output: Path) -> set[Path]:
    write_record(output, {"steps": 2}, ["step", "loss"], [[1, 0.5], [2, 0.25]])
    (output / "pytorch_lora_weights.safetensors").touch()
    (output / "checkpoint-2").mkdir()
    return set(output.iterdir())


def test_an_empty_or_new_folder_is_free(tmp_path: Path) -> None:
    assert check_output(run_into(tmp_path / "new"), ()) == ()
    (tmp_path / "notes.txt").touch()
    assert check_output(run_into(tmp_path), ()) == ()


def test_results_are_kept_unless_they_may_go(tmp_path: Path) -> None:
    written = earlier_run(tmp_path)
    with pytest.raises(OutputError, match="add overwrite=True"):
        check_output(run_into(tmp_path), ())
    old = check_output(run_into(tmp_path, overwrite=True), ())
    assert set(old) == written
    remove(old)
    assert not list(tmp_path.iterdir())


def test_a_resumed_run_removes_nothing(tmp_path: Path) -> None:
    earlier_run(tmp_path)
    assert check_output(run_into(tmp_path, resume_from_checkpoint="latest"), ()) == ()
    both = run_into(tmp_path, resume_from_checkpoint="latest", overwrite=True)
    with pytest.raises(UsageError, match="overwrite"):
        check_output(both, ())


def test_files_of_others_and_inputs_stay(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    with pytest.raises(OutputError, match="no earlier run lists as its own: unet"):
        check_output(run_into(tmp_path, overwrite=True), ())
    earlier_run(tmp_path)
    with pytest.raises(OutputError, match="unet is an input"):
        check_output(run_into(tmp_path, overwrite=True), [tmp_path / "unet"])


def test_the_record_and_the_losses_can_be_read(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    earlier_run(tmp_path)
    record = read_record(tmp_path)
    assert record is not None and record["steps"] == 2
    assert list(csv.reader((tmp_path / "loss.csv").read_text().splitlines())) == [
        ["step", "loss"],
        ["1", "0.5"],
        ["2", "0.25"],
    ]
    (tmp_path / "training.json").write_text(json.dumps({"program": "another"}))
    assert read_record(tmp_path) is None


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", '{"program": 3}', "\x00"])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "training.json").write_text(text)
    assert read_record(tmp_path) is None
