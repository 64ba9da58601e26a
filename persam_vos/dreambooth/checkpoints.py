"""Checkpoints of training: what has to be known at a step to go on as if nothing had happened.

These are weights, the optimiser and the learning rate. What is drawn at random needs no state: see
`seeds`.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError, UsageError, param
from ..files.atomic import atomic_folder
from ..files.durable import sync_file, sync_folder
from ..files.limits import read_json
from .settings import LATEST

_STATE, _IDENTITY = "state.pt", "identity.json"
_PREFIX = "checkpoint-"


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Where training is; produced and consumed by `trainer`.

    ``weights`` are the trained ones by network and name; ``scaler`` is of float16 alone; ``losses``
    has a row for each step, of `trainer.TrainedStep`.
    """

    step: int
    weights: dict[str, dict[str, torch.Tensor]]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    scaler: dict[str, Any] | None
    losses: list[list[float]]


def checkpoint_folders(output: Path) -> list[Path]:
    """Return the checkpoints in an output folder, the oldest first."""
    found = [
        path
        for path in output.glob(f"{_PREFIX}*")
        if path.is_dir() and path.name.removeprefix(_PREFIX).isdecimal()
    ]
    return sorted(found, key=lambda path: int(path.name.removeprefix(_PREFIX)))


def save_checkpoint(
    output: Path, state: TrainingState, identity: Mapping[str, Any], *, limit: int | None = None
) -> Path:
    """Write ``checkpoint-STEP``, whole or not at all, and remove the oldest beyond ``limit``.

    ``identity`` is what the results depend on. Raises OutputError.
    """
    path = output / f"{_PREFIX}{state.step}"
    with atomic_folder(path) as hidden:
        torch.save({one.name: getattr(state, one.name) for one in fields(state)}, hidden / _STATE)
        (hidden / _IDENTITY).write_text(json.dumps(identity, indent=1))
        for name in (_STATE, _IDENTITY):
            sync_file(hidden / name)
    sync_folder(output)
    if limit is not None:
        for old in checkpoint_folders(output)[:-limit]:
            shutil.rmtree(old, ignore_errors=True)
    return path


def find_checkpoint(output: Path, wanted: str) -> Path | None:
    """Return the checkpoint of a path, or the newest for ``latest``: None if there is none yet.

    Raises UsageError for a path that is no checkpoint.
    """
    if wanted == LATEST:
        return next(reversed(checkpoint_folders(output)), None)
    candidates = [path for path in (Path(wanted), output / wanted) if (path / _STATE).is_file()]
    if not candidates:
        raise UsageError(
            param("resume_from_checkpoint", wanted),
            got=f"no folder with {_STATE}",
            expected=f"a folder {_PREFIX}STEP of an earlier run, or {LATEST}",
        )
    return candidates[0]


def check_identity(path: Path, identity: Mapping[str, Any]) -> None:
    """Raise UsageError, with names, where a checkpoint was made with other settings or files."""
    try:
        before = dict(read_json(path / _IDENTITY))
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from error
    changed = [name for name in (*before, *identity) if before.get(name) != identity.get(name)]
    if changed:
        name = changed[0]
        raise UsageError(
            param("resume_from_checkpoint", path),
            got=f"a checkpoint with {param(name)} {before.get(name)} instead of "
            f"{identity.get(name)}"
            + (f", and {len(set(changed)) - 1} more differences" if len(set(changed)) > 1 else ""),
            expected="the same settings, photos, masks and model",
            remedy="set them as they were, or start anew in another folder",
        )


def load_checkpoint(path: Path) -> TrainingState:
    """Read a checkpoint onto the CPU, as plain data; raises CheckpointError for a damaged one."""
    try:
        tree = torch.load(path / _STATE, map_location="cpu", weights_only=True)
        return TrainingState(**tree)
    except (
        OSError,
        RuntimeError,
        ValueError,
        TypeError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        str(path),
        got=f"a file that cannot be read ({type(error).__name__})",
        expected="a checkpoint of training",
        remedy=f"remove it, and go on from an older one: {param('resume_from_checkpoint')}",
    )
