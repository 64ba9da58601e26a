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

from ..datasets.clips import Clip
from ..errors import DatasetError
from ..structures import ObjectMode
from ..tracking.engine import Engine

PACKAGE = Path(__file__).parent.parent

# Files of the package that masks do not depend on: to change one of them must not make old masks
# stale. Whatever is not on this list is taken to matter, new files too.
CANNOT_CHANGE_MASKS = frozenset(
    {
        # They show and store results, when the masks are there.
        "evaluation/report.py",
        "evaluation/report_curves.py",
        "evaluation/report_pictures.py",
        "evaluation/report_template.html",
        "evaluation/results.py",
        "evaluation/one_shot/published.py",
        "evaluation/one_shot/report.py",
        "evaluation/one_shot/report_template.html",
        "evaluation/one_shot/results.py",
        # They compare masks with the truth, when the masks are there. Not so scoring/label_files.py
        # and scoring/frame.py, which first masks are read with.
        "scoring/boundary.py",
        "scoring/clip.py",
        "scoring/compare.py",
        "scoring/folders.py",
        "scoring/photos.py",
        "scoring/region.py",
        "scoring/report.py",
        "scoring/sequence.py",
        # They write videos, which `eval` does not.
        "media/audio_track.py",
        "media/overlay.py",
        "media/joining.py",
        "media/picture_encoder.py",
        "media/video_writer.py",
        # `eval` has jobs of its own.
        "batch/track_many.py",
        # They draw a clip; the images of clips have a digest themselves.
        "demo/__init__.py",
        "demo/write.py",
        "demo/outlines.py",
        "demo/render.py",
    }
)


def run_settings(engine: Engine, mode: ObjectMode) -> dict[str, Any]:
    """Return all that a mask depends on beside the clip, as JSON values."""
    method = asdict(engine.settings)
    settings = {
        "program": version("persam-vos"),
        "code": package_digest()[:16],
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


def package_files(package: Path = PACKAGE) -> tuple[str, ...]:
    """Return the files that the package ships, code and data, as paths below it, in order."""
    paths = (path.relative_to(package) for path in package.rglob("*") if path.is_file())
    return tuple(
        sorted(
            path.as_posix()
            for path in paths
            if "__pycache__" not in path.parts and not path.name.startswith(".")
        )
    )


def package_digest(package: Path = PACKAGE) -> str:
    """Return a sha256 over all files of the package but those that cannot change a mask."""
    names = [name for name in package_files(package) if name not in CANNOT_CHANGE_MASKS]
    return digest_files((package / name for name in names), *names)


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
