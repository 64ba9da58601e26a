"""Masks of another tool as label PNGs, with what to tell `track` about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args
from xml.etree.ElementTree import ParseError

import numpy as np

from ..errors import MaskError, UsageError, param
from ..files.atomic import make_folder, write_texts
from ..files.limits import read_json
from ..files.output import inside, refuse_unwritable, replaceable
from ..media.label_png import write_label_png
from ..scoring.label_files import present_ids
from .coco import read_coco
from .cvat import read_cvat
from .label_studio import read_label_studio
from .labelme import read_labelme
from .shapes import Found, Numbering, Shape
from .youtube_vos import read_youtube_vos

ImportFormat = Literal["auto", "cvat", "coco", "youtube-vos", "label-studio", "labelme"]

LIST = "imported.json"
"""What an import wrote: only these files are replaced by another."""


@dataclass(frozen=True, slots=True)
class ImportedMask:
    """A label PNG that was written. ``frame`` is None where the file did not tell it."""

    path: Path
    frame: int | None
    object_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What `import_masks` wrote: ``names`` has the label of each object, by its id."""

    format: str
    masks: tuple[ImportedMask, ...]
    names: dict[int, str]
    warnings: tuple[str, ...]


def import_masks(
    path: Path,
    output: Path,
    *,
    import_format: ImportFormat = "auto",
    clip: str | None = None,
    overwrite: bool = False,
) -> Imported:
    """Write a palette PNG for each frame that has a mask, called by its number or its image.

    ``clip`` names one of several videos. Only files of an earlier import are replaced, and only
    with ``overwrite``.
    Raises MaskError for what cannot be understood or holds no mask, UsageError for a library that
    is not installed, OutputError for an output that exists or cannot be written.
    """
    _require(path)
    known = guess_format(path) if import_format == "auto" else import_format
    found = _read(path, known, clip)
    if not found.shapes:
        raise MaskError(
            str(path),
            got=f"no mask, but {found.boxes} other shapes" if found.boxes else "no mask",
            expected="a mask or polygon of an object",
            remedy="draw one" if not found.boxes else "draw one, or give the box to `track`",
        )
    numbering = Numbering()
    ids = numbering.number(found.shapes)
    frames = sorted(zip(found.shapes, ids, strict=True), key=lambda one: one[0].place)
    by_frame = [list(group) for _, group in groupby(frames, key=lambda one: one[0].place)]
    names = [_file_name(group[0][0]) for group in by_frame]
    refuse_unwritable(output)
    own = inside(output, _earlier(output / LIST))
    there = [output / name for name in (*names, LIST)]
    replaceable(output, there, own=own, overwrite=overwrite, inputs=_files(path))
    make_folder(output)
    covered = 0
    masks = []
    for name, group in zip(names, by_frame, strict=True):
        labels = np.zeros(group[0][0].size_hw, np.uint8)
        for shape, object_id in group:
            if shape.size_hw != labels.shape:
                raise MaskError(f"{path}, {name}", got="two sizes", expected="one for each frame")
            covered += shape.draw(labels, object_id)
        write_label_png(output / name, labels)
        seen = tuple(sorted(present_ids(labels)))
        masks.append(ImportedMask(output / name, group[0][0].frame, seen))
    write_texts(output, {LIST: json.dumps({"files": [*names, LIST]}, indent=1) + "\n"})
    warnings = _warnings(found, numbering, covered)
    return Imported(known, tuple(masks), dict(sorted(numbering.names.items())), warnings)


def guess_format(path: Path) -> ImportFormat:
    """Tell the format of a file or folder; raises MaskError for one that is unknown."""
    _require(path)
    if path.is_dir():
        if any(path.glob("*.json")) and not (path / "meta.json").exists():
            return "labelme"
        return "youtube-vos"
    if path.suffix.lower() == ".xml":
        return "cvat"
    if path.suffix.lower() == ".json":
        try:
            facts = read_json(path)
        except (OSError, ValueError) as error:
            raise _unreadable(path, "JSON", error) from error
        if isinstance(facts, list):
            return "label-studio"
        if isinstance(facts, dict) and "annotations" in facts and "categories" in facts:
            return "coco"
        if isinstance(facts, dict) and "shapes" in facts:
            return "labelme"
    raise MaskError(
        str(path),
        got="a file of an unknown kind",
        expected=f"a file of {', '.join(get_args(ImportFormat)[1:])}",
        remedy=f"say which with {param('format')}",
    )


def _require(path: Path) -> None:
    if not path.exists():
        raise MaskError(
            str(path),
            got="no such file or folder",
            expected="what another tool exported",
            remedy="check the path",
        )


def _read(path: Path, known: ImportFormat, clip: str | None) -> Found:
    readers: dict[str, Callable[[Path], Found]] = {
        "cvat": read_cvat,
        "coco": partial(read_coco, clip=clip),
        "youtube-vos": partial(read_youtube_vos, clip=clip),
        "label-studio": read_label_studio,
        "labelme": read_labelme,
    }
    if clip is not None and known not in ("coco", "youtube-vos"):
        raise UsageError(param("clip"), got=f"a file of {known}", expected="coco or youtube-vos")
    try:
        return readers[known](path)
    except (
        *(OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, ParseError),
        OverflowError,
    ) as error:
        raise _unreadable(path, known, error) from error


def _unreadable(path: Path, known: str, error: Exception) -> MaskError:
    words = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    return MaskError(
        str(path),
        got=f"what cannot be read as {known} ({words})",
        expected="a whole file of that format",
        remedy="export it again, or choose another format",
    )


def _earlier(path: Path) -> list[str]:
    """Return the files that an earlier import lists as its own."""
    try:
        files = read_json(path)["files"]
        return [str(name) for name in files]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _files(path: Path) -> list[Path]:
    """Return the files that are read."""
    return [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]


def _file_name(shape: Shape) -> str:
    return f"{shape.name or f'{shape.frame or 0:05d}'}.png"


def _warnings(found: Found, numbering: Numbering, covered: int) -> tuple[str, ...]:
    warnings = []
    if found.boxes:
        warnings.append(f"{found.boxes} boxes and other shapes were left out: they are no masks")
    if numbering.guessed:
        warnings.append(
            "shapes have no ids: the n-th one of a label on each frame was taken for one object"
        )
    if covered:
        warnings.append(f"{covered} pixels are in two masks; the later one has them")
    return tuple(warnings)
