"""Checkpoints are whole, plain, and of the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from persam_vos.dreambooth.checkpoints import (
    TrainingState,
    check_identity,
    checkpoint_folders,
    find_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from persam_vos.errors import CheckpointError, UsageError

IDENTITY: dict[str, Any] = {"seed": 0, "rank": 4, "masks_dir": None}


def state(step: int) -> TrainingState:
    weights = {"unet": {"a": torch.arange(3.0)}}
    optimizer = {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]}
    return TrainingState(step, weights, optimizer, {"last_epoch": step}, None, [[1.0, 0.5]])


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    loaded = load_checkpoint(save_checkpoint(tmp_path, state(7), IDENTITY))
    assert loaded.step == 7
    assert torch.equal(loaded.weights["unet"]["a"], torch.arange(3.0))
    assert torch.equal(loaded.optimizer["state"][0]["exp_avg"], torch.ones(2))
    assert (loaded.schedule, loaded.losses) == ({"last_epoch": 7}, [[1.0, 0.5]])


def test_the_newest_are_kept_by_number(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        save_checkpoint(tmp_path, state(step), IDENTITY, limit=2)
    (tmp_path / "checkpoint-none").mkdir()
    assert [path.name for path in checkpoint_folders(tmp_path)] == [
        "checkpoint-10",
        "checkpoint-100",
    ]


def test_latest_is_the_newest_or_none_and_a_path_must_be_one(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path, "latest") is None
    for step in (2, 10):
        save_checkpoint(tmp_path, state(step), IDENTITY)
    assert find_checkpoint(tmp_path, "latest") == tmp_path / "checkpoint-10"
    assert find_checkpoint(tmp_path, "checkpoint-2") == tmp_path / "checkpoint-2"
    assert find_checkpoint(Path("x"), str(tmp_path / "checkpoint-2")) == tmp_path / "checkpoint-2"
    with pytest.raises(UsageError, match="resume_from_checkpoint='checkpoint-3'"):
        find_checkpoint(tmp_path, "checkpoint-3")


def test_what_changed_since_is_named(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, state(1), IDENTITY)
    check_identity(path, IDENTITY)
    with pytest.raises(UsageError, match="rank 4 instead of 8, and 1 more"):
        check_identity(path, IDENTITY | {"rank": 8, "masks_dir": "digest"})


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x80\x02nonsense"])
def test_a_damaged_checkpoint_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = save_checkpoint(tmp_path, state(1), IDENTITY)
    (path / "state.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"checkpoint-1.*cannot be read"):
        load_checkpoint(path)


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, state(1), IDENTITY)
    torch.save({"step": Evil(tmp_path / "ran")}, path / "state.pt")
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    assert not (tmp_path / "ran").exists()


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", "3"])
def test_a_damaged_identity_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "identity.json").write_text(text)
    with pytest.raises(CheckpointError, match="cannot be read"):
        check_identity(tmp_path, {})
