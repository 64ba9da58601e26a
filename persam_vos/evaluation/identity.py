"""What a result depends on, as digests: the same digests, the same masks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ..datasets.clips import Clip, ObjectMode
from ..errors import DatasetError
from ..tracking.engine import Engine

_PACKAGE = Path(__file__).parent.parent


def run_settings(engine: Engine, mode: ObjectMode) -> dict[str, Any]:
    """Return all that a mask depends on beside the clip, as JSON values."""
    method = asdict(engine.settings)
    settings = {
        "program": version("persam-vos"),
        "code": _code_digest(),
        "torch": torch.__version__,
        "method": method | {"without": sorted(method["without"])},
        "weights": dict(engine.weights),
        "device": engine.compute.device.type,
        "dtype": engine.compute.dtype_name,
        "encoder": engine.encoding.facts(),
        "mode": mode,
    }
    return dict(json.loads(json.dumps(settings)))  # equal to what will be read back from a file


def fingerprint(clip: Clip, settings: dict[str, Any]) -> dict[str, Any]:
    """Return all that the masks of a clip depend on; raises DatasetError for unreadable files."""
    masks = [f"{first.frame_index} {first.object_ids}" for first in clip.first_masks]
    files = (first.path for first in clip.first_masks)
    return {
        "settings": settings,
        "images": digest_files(clip.images),
        "first_masks": digest_files(files, *masks),
    }


def digest_files(paths: Iterable[Path], *more: str) -> str:
    """Return a sha256 over the names and contents of files, in order, and over texts."""
    digest = hashlib.sha256("\n".join(more).encode())
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DatasetError(
                f"cannot read {path}", got=error.strerror or str(error), expected="a readable file"
            ) from error
        digest.update(f"{path.name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Say what differs between two fingerprints, with the old and the new value of settings."""
    parts = [name for name in ("images", "first_masks") if before.get(name) != now[name]]
    old, new = before.get("settings", {}), now["settings"]
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            parts.append(f"{name} {_short(old.get(name))} (now {_short(new.get(name))})")
    return ", ".join(parts).replace("first_masks", "first masks")


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_short(one)}" for key, one in value.items())
    return str(value)[:12]


def _code_digest() -> str:
    return digest_files(sorted(_PACKAGE.rglob("*.py")))[:16]
