"""What the results of a run depend on, to tell later whether it can be gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import CheckpointError, MediaError, param
from ..files.digests import digest_of_files, package_digest
from ..media.reference_prompts import FramePrompts
from ..request import TrackRequest
from .checkpoint import state_facts
from .engine import Engine
from .plan import TrackPlan

Identity = dict[str, Any]
"""Facts by name, as JSON has them."""

_LIBRARIES = ("torch", "numpy", "opencv-python-headless", "av", "onnxruntime", "openvino")
_NEARLY = ("version", "code", "libraries", "threads", "encoder")
"""Facts on which only the last digits depend: a run can go on with other ones all the same."""
_FREE = ("masks", "overlay", "exports")
"""Facts that may change: frames and pictures are made again as far as they depend on them."""
_WORDS = {
    "input": "the content of the input",
    "images": "the names of the images",
    "code": "the code of persam-vos",
    "threads": "the number of threads",
    "target": "the target",
}


def run_identity(request: TrackRequest, plan: TrackPlan, engine: Engine) -> Identity:
    """Return what the results of a request depend on; ``plan`` is as `plan_request` returns it.

    Raises MediaError for an input that cannot be read.
    """
    facts = state_facts(engine)
    facts |= {
        "code": package_digest(),
        "libraries": {name: found for name in _LIBRARIES if (found := _installed(name))},
        "threads": torch.get_num_threads(),
        "input": _digest_of_input(plan),
        "images": _names(plan),
        "reading": asdict(request.reading),
        "range": [str(plan.source.info.first_frame), plan.source.info.stride, str(request.end)],
        "start_frame": plan.start,
        "direction": plan.direction,
        "roi": None if plan.roi is None else str(plan.roi),
        "keep_alpha": plan.keep_alpha,
        "target": _digest(plan.target) if plan.target is not None else None,
        "masks": {str(frame): digest for frame, digest in _shown(plan)},
        "overlay": [request.alpha, request.constant_rate] if request.overlay else None,
        "exports": list(request.exports),
    }
    identity: Identity = json.loads(json.dumps(facts))
    return identity


def changed_frames(
    before: Mapping[str, Any], now: Mapping[str, Any], *, anyway: bool
) -> frozenset[int]:
    """Return the frames whose masks or prompts are not those of the run before.

    Raises CheckpointError for any other fact that changed and matters; with ``anyway``, not for one
    on which only the last digits depend.
    """
    for name, value in now.items():
        got = before.get(name)
        if got == value or name in _FREE or (anyway and name in _NEARLY):
            continue
        raise _changed(name, got, value)
    masks_before, masks = before.get("masks", {}), now["masks"]
    frames = {*masks_before, *masks}
    return frozenset(int(one) for one in frames if masks_before.get(one) != masks.get(one))


def _changed(name: str, before: Any, now: Any) -> CheckpointError:
    """Say what is not as it was, and whether one can go on all the same."""
    words = _WORDS.get(name, name if name in ("version", "libraries") else param(name))
    if isinstance(before, dict) and isinstance(now, dict):
        key = next(key for key in {**now, **before} if now.get(key) != before.get(key))
        words, before, now = f"{words} ({key})", before.get(key), now.get(key)
    start_again = f"{param('overwrite', True)} to start again"
    remedy = f"go on with what it was, or add {start_again}"
    if name in _NEARLY:
        remedy = (
            f"add {param('resume', 'anyway')} to go on all the same: what is tracked from there on "
            f"may differ a little from an uninterrupted run; or {start_again}"
        )
    return CheckpointError(
        f"the run to go on with differs in {words}",
        got=str(now),
        expected=f"{before}, as it was",
        remedy=remedy,
    )


def _digest_of_input(plan: TrackPlan) -> str:
    try:
        return digest_of_files(plan.source.files)
    except OSError as error:
        raise MediaError(
            plan.source.info.path,
            got=error.strerror or str(error),
            expected="files that can be read",
        ) from error


def _names(plan: TrackPlan) -> str | None:
    """Return a digest of the names of images, which results are named after."""
    files = plan.source.files
    return _digest([one.name for one in files]) if plan.source.info.kind != "video" else None


def _shown(plan: TrackPlan) -> Iterator[tuple[int, str]]:
    """Yield the frames that show objects, with a digest of what they show."""
    for frame in sorted({*plan.references, *plan.prompts}):
        yield frame, _digest([plan.references.get(frame), plan.prompts.get(frame)])


def _digest(value: object) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in _parts(value):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: object) -> Iterator[bytes]:
    """Yield the bytes that a value is made of: arrays, and containers and dataclasses of such."""
    if isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape} ".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, FramePrompts):
        yield from _parts([value.by_id, value.rough])
    elif isinstance(value, Mapping):
        yield from _parts([[key, value[key]] for key in value])
    elif isinstance(value, list | tuple):
        yield f"{len(value)} ".encode()
        for part in value:
            yield from _parts(part)
    elif hasattr(value, "__dataclass_fields__"):
        yield from _parts([getattr(value, name) for name in value.__dataclass_fields__])
    else:
        yield f"{value!r} ".encode()


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def read_identity(path: Path, key: str | None = None) -> Identity | None:
    """Return the identity in a JSON file, or under a key of it; None where there is none."""
    try:
        told = json.loads(path.read_text("utf-8"))
        found = told if key is None else told[key]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
