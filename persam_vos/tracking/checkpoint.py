"""Checkpoints: all that the tracking of a clip depends on, in one file, to go on with later.

A file is in the safetensors format: tensors, and in its metadata two texts of JSON, ``facts`` and
``state``. It holds no code. Its size does not depend on how long the clip is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..errors import CheckpointError
from ..files.atomic import TEMPORARY, output_error
from ..files.durable import sync_file, sync_folder
from ..runtime.state_tree import StateTree, from_tree, to_tree
from ..runtime.timer import StageTimer
from ..structures import Frame
from .engine import Engine
from .propagate import Propagation
from .step import known_result

FORMAT = 2  # raised when a method remembers something else
_TENSOR = "tensor"
"""Key of a tensor's place in the tree: its name in the file; the tree itself has no such key."""


@dataclass(frozen=True, slots=True)
class _Last:
    """The last frame: its picture (H, W, 3) uint8, labels (H, W) uint8, and each object's score."""

    index: int
    name: str
    time_seconds: float
    image: torch.Tensor
    labels: torch.Tensor
    object_ids: list[int]
    scores: list[float]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of what a clip's tracking depends on; it does not change as tracking goes on."""

    tensors: Mapping[str, torch.Tensor]
    metadata: Mapping[str, str]


def take_snapshot(state: Propagation, engine: Engine) -> Snapshot:
    """Copy what a clip's tracking depends on; raises RuntimeError before the first frame."""
    if state.last is None:
        raise RuntimeError("a checkpoint before a frame was labelled")
    tracked = state.last.wait()
    last = _Last(
        index=tracked.index,
        name=tracked.name,
        time_seconds=tracked.frame.time_seconds,
        image=torch.from_numpy(np.ascontiguousarray(tracked.frame.image)),
        labels=torch.from_numpy(np.ascontiguousarray(tracked.label_map)),
        object_ids=list(state.object_ids),
        scores=[one.score for one in tracked.objects],
    )
    tensors: dict[str, torch.Tensor] = {}
    tree = {"last": to_tree(last), "method": state.step.method.state_dict()}
    metadata = {
        "facts": json.dumps(state_facts(engine), sort_keys=True),
        "state": json.dumps(_without_tensors(tree, tensors)),
    }
    return Snapshot(tensors, metadata)


def write_snapshot(path: Path, snapshot: Snapshot, more: Mapping[str, str] | None = None) -> None:
    """Write a snapshot to ``path``: it is there whole, also after a power cut, or not at all.

    ``more`` are texts to keep with it, for `read_texts`. Raises OutputError for a file that cannot
    be written.
    """
    metadata = {**snapshot.metadata, **(more or {})}
    try:
        # In a folder, since safetensors has a hidden file of its own beside the one it writes.
        with TemporaryDirectory(prefix=TEMPORARY, dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            save_file(dict(snapshot.tensors), temporary, metadata)
            sync_file(temporary)
            temporary.replace(path)
        sync_folder(path.parent)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        reason = os.strerror(int(number[1])) if number else str(error)
        cause = OSError(int(number[1]) if number else 0, reason)
        raise output_error(path, cause) from error
    except OSError as error:
        raise output_error(path, error) from error


def read_texts(path: Path) -> Mapping[str, str]:
    """Return the texts that a file holds, without its tensors; raises CheckpointError."""
    return _read(path, tensors=False)[0]


def save_checkpoint(path: Path, state: Propagation, engine: Engine) -> None:
    """Write what a clip's tracking depends on to ``path``: it is there whole, or not at all.

    Raises RuntimeError before the first frame, OutputError for a file that cannot be written.
    """
    write_snapshot(path, take_snapshot(state, engine))


@torch.inference_mode()
def load_checkpoint(
    path: Path,
    engine: Engine,
    *,
    timer: StageTimer | None = None,
    keep_alpha: bool = False,
    anyway: bool = False,
) -> Propagation:
    """Return the state that `save_checkpoint` wrote; the engine has to be as it was then.

    Later frames get the very labels that they would have got. Raises CheckpointError for a file
    that is damaged or no checkpoint, and for one of other weights, settings or versions; with
    ``anyway`` these are not looked at. ``timer`` and ``keep_alpha`` are those of `Propagation`.
    """
    metadata, tensors = _read(path)
    if not anyway:
        _check_facts(path, _parsed(path, metadata, "facts"), state_facts(engine))
    state = Propagation.start(engine, timer, keep_alpha=keep_alpha)
    try:
        tree = _with_tensors(_parsed(path, metadata, "state"), tensors, engine.compute.device)
        last = from_tree(_Last, tree["last"])
        state.step.method.load_state_dict(tree["method"])
        image, labels = (part.cpu().numpy() for part in (last.image, last.labels))
        frame = Frame(last.index, last.name, image, last.time_seconds)
        ids = tuple(last.object_ids)
        state.resume(engine.encode(frame), known_result(frame, labels, ids, last.scores))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, str(error)) from error
    return state


def state_facts(engine: Engine) -> dict[str, Any]:
    """Say what computes: a state is of no use to anything else."""
    settings = asdict(engine.settings)
    return {
        "format": FORMAT,
        "version": version("persam-vos"),
        "weights": dict(engine.weights),
        "encoder": engine.encoding.facts(),
        "device": engine.compute.device.type,
        "dtype": engine.compute.dtype_name,
        "settings": settings | {"without": sorted(settings["without"])},
    }


def _check_facts(path: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for name, value in expected.items():
        got = found.get(name)
        if got == value:
            continue
        if isinstance(value, dict) and isinstance(got, dict):
            changed = next(key for key in {**value, **got} if value.get(key) != got.get(key))
            name, got, value = f"{name} ({changed})", got.get(changed), value.get(changed)
        raise CheckpointError(
            f"{path}: {name}",
            got=str(got),
            expected=f"{value}, as now",
            remedy="go on with what the checkpoint was made with, or start again",
        )


def _read(path: Path, *, tensors: bool = True) -> tuple[Mapping[str, str], dict[str, torch.Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            names = file.keys() if tensors else []
            return metadata, {name: file.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}", got="no such file", expected="a checkpoint") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _parsed(path: Path, metadata: Mapping[str, str], key: str) -> Any:
    try:
        return json.loads(metadata[key])
    except KeyError as error:
        raise _damaged(path, f"no {key} in it") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"{key}: {error}") from error


def _damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(
        f"{path}",
        got=f"a file that is damaged or no checkpoint ({what})",
        expected="a checkpoint of persam-vos",
        remedy="start again",
    )


def _without_tensors(tree: StateTree, tensors: dict[str, torch.Tensor]) -> StateTree:
    """Move the tensors of a tree to ``tensors``, each with its strides: sums depend on them."""
    if isinstance(tree, torch.Tensor):
        name = f"{len(tensors):04d}"
        tensors[name] = tree.detach().cpu().contiguous().clone()
        return {_TENSOR: name, "strides": list(tree.stride())}
    if isinstance(tree, dict):
        return {key: _without_tensors(part, tensors) for key, part in tree.items()}
    if isinstance(tree, list):
        return [_without_tensors(part, tensors) for part in tree]
    return tree


def _with_tensors(
    tree: StateTree, tensors: Mapping[str, torch.Tensor], device: torch.device
) -> StateTree:
    if isinstance(tree, list):
        return [_with_tensors(part, tensors, device) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if _TENSOR not in tree:
        return {key: _with_tensors(part, tensors, device) for key, part in tree.items()}
    saved, strides = tensors[tree[_TENSOR]], tree["strides"]
    reach = sum((size - 1) * stride for size, stride in zip(saved.shape, strides, strict=True))
    if reach + 1 != saved.numel():  # a view into a larger tensor
        strides = saved.stride()
    restored = torch.empty_strided(saved.shape, strides, dtype=saved.dtype, device=device)
    return restored.copy_(saved)
