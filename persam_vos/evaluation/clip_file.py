"""``clip.json`` beside a clip's masks: what they were made from, and the files of the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..files.atomic import TEMPORARY, atomic_path, make_folder, output_error
from ..files.limits import read_json
from ..files.output import inside, replaceable
from ..scoring.label_files import list_label_files
from .fingerprint import digest_files

CLIP_FILE = "clip.json"
CLIP_VERSION = 1


def begin_clip(folder: Path, names: Iterable[str]) -> None:
    """Make a folder for masks of these names, in place of what a killed or an earlier run left.

    ``clip.json`` lists them before the first one is written, so that a later run knows them for its
    own. Raises OutputError where the folder holds masks that no run lists.
    """
    remove_own(folder)
    make_folder(folder)
    _write(folder, {"files": sorted(names), "facts": None})


def finish_clip(folder: Path, content: Mapping[str, Any]) -> None:
    """Write ``clip.json`` of a finished clip: digest of its masks, and ``content``."""
    masks = list_label_files(folder)
    names = [path.name for path in masks]
    _write(folder, {"masks": digest_files(masks), "files": names, **content})


def read_clip(folder: Path) -> dict[str, Any] | None:
    """Return what ``clip.json`` says of a finished clip; None when there is none."""
    kept = _read(folder)
    finished = kept.get("facts") is not None and {"fingerprint", "masks"} <= kept.keys()
    return kept if finished else None


def remove_own(folder: Path) -> None:
    """Remove what a run wrote for a clip; raises OutputError where there is more than that."""
    own = check_own(folder)
    try:
        (folder / CLIP_FILE).unlink(missing_ok=True)  # first of all: it vouches for the others
        for path in (*own, *folder.glob(f"{TEMPORARY}*")):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


def check_own(folder: Path, inputs: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Return what a run wrote for a clip; raises OutputError for other masks, and for inputs."""
    if not folder.is_dir():
        return ()
    there = [*list_label_files(folder), folder / CLIP_FILE]
    return replaceable(folder, there, own=_own_files(folder), overwrite=True, inputs=inputs)


def _own_files(folder: Path) -> frozenset[Path]:
    """Return the files that ``clip.json`` lists; earlier versions gave a digest of them alone."""
    kept = _read(folder)
    if not kept:
        return frozenset()
    masks = list_label_files(folder)
    listed = kept.get("files")
    if listed is None:
        listed = [path.name for path in masks] if digest_files(masks) == kept.get("masks") else []
    return inside(folder, [CLIP_FILE, *listed])


def _write(folder: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps({"version": CLIP_VERSION, **content}, indent=1) + "\n"
    with atomic_path(folder / CLIP_FILE) as temporary:
        temporary.write_text(text, "utf-8")


def _read(folder: Path) -> dict[str, Any]:
    """Return what ``clip.json`` says; nothing when it is not there or cannot be understood."""
    try:
        kept = read_json(folder / CLIP_FILE)
        known = kept["version"] == CLIP_VERSION
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(kept) if known else {}
