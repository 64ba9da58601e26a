"""The folder of results: masks, cut-outs, COCO, `segment.json` and the overview."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import OutputError, param
from ..exports.coco import box_xywh
from ..exports.rgba import with_alpha
from ..files.atomic import (
    TEMPORARY,
    atomic_path,
    make_folder,
    remove_unfinished,
)
from ..files.journal import Record
from ..files.limits import read_json
from ..files.output import inside, refuse_unwritable, replaceable
from ..media.label_png import write_label_png
from ..stages.coverage import coverage_of_mask
from ..stages.prompts import box_of
from ..structures import LabelMap, RgbImage
from .journal import Journal
from .overview import OVERVIEW, write_overview

MASKS, CUTOUTS, LOG, COCO, JOURNAL = (
    "masks",
    "cutouts",
    "segment.json",
    "coco.json",
    "segment.unfinished.jsonl",
)
_CUTOUT_MARGIN = 4  # pixels round the box of what is cut out


def check_folder(
    folder: Path, *, overwrite: bool, resume: bool, inputs: Collection[Path]
) -> tuple[Path, ...]:
    """Return the files of an earlier run that a new one will remove; touches nothing.

    With ``resume`` there are none. Raises OutputError for an output that exists, that an earlier
    run did not write, that is an input, or that cannot be written.
    """
    refuse_unwritable(folder)
    journal = Journal(folder / JOURNAL)
    if resume and (journal.path.exists() or (folder / LOG).exists()):
        return ()
    there = [folder / name for name in (LOG, COCO, JOURNAL)]
    there += sorted(folder.glob(f"{Path(OVERVIEW).stem}*.html"))
    pictures = (path for name in (MASKS, CUTOUTS) for path in sorted((folder / name).glob("*.png")))
    there += [path for path in pictures if not path.name.startswith(TEMPORARY)]
    if journal.path.exists() and not overwrite:
        raise OutputError(
            param("output", folder),
            got="a folder that a run began and did not finish",
            expected="a folder without results",
            remedy=f"add {param('resume', True)} to go on with it, or {param('overwrite', True)}",
        )
    own = inside(folder, [*_listed(folder / LOG), *journal.names(), JOURNAL])
    return replaceable(folder, there, own=own, overwrite=overwrite, inputs=inputs)


def save_photo(
    folder: Path, name: str, image: RgbImage, labels: LabelMap, *, cutout: bool
) -> dict[str, Any]:
    """Write the mask of a photo and its cut-out; returns what `segment.json` says of them."""
    make_folder(folder / MASKS)
    mask = f"{MASKS}/{name}.png"
    write_label_png(folder / mask, labels)
    facts: dict[str, Any] = {"mask": mask, "cutout": None, "cutout_corner_xy": None}
    box = box_of(labels > 0)
    if cutout and box is not None:
        make_folder(folder / CUTOUTS)
        x0, y0 = (max(0, side - _CUTOUT_MARGIN) for side in box[:2])
        window = np.s_[y0 : box[3] + 1 + _CUTOUT_MARGIN, x0 : box[2] + 1 + _CUTOUT_MARGIN]
        alpha = coverage_of_mask(labels[window] > 0)
        pixels = with_alpha(image[window], alpha, premultiplied=False, clear=True)
        path = f"{CUTOUTS}/{name}.png"
        with atomic_path(folder / path) as temporary:
            Image.fromarray(pixels).save(temporary, format="PNG", compress_level=4)
        facts |= {"cutout": path, "cutout_corner_xy": [x0, y0]}
    facts["files"] = [one for one in (mask, facts["cutout"]) if one]
    return facts


def finish(folder: Path, journal: Journal, facts: Mapping[str, Any], *, coco: bool) -> None:
    """Write `coco.json`, the overview and `segment.json`, in the order of the photos."""
    pages = write_overview(folder, journal, facts)
    if coco:
        with atomic_path(folder / COCO) as temporary:
            _write_coco(temporary, journal, facts)
    files = [LOG, *([COCO] if coco else []), *pages]
    with atomic_path(folder / LOG) as temporary:
        photos = (record["photo"] for record in journal.records())
        _write_listed(temporary, "photos", photos, {**facts, "complete": True, "files": files})


def clear_unfinished(folder: Path) -> None:
    """Remove what a run that was killed was writing just then."""
    for one in (folder, folder / MASKS, folder / CUTOUTS):
        remove_unfinished(one)


def read_log(folder: Path) -> dict[str, Any] | None:
    """Return what a finished run says of itself, None where there is none that can be read."""
    try:
        told = read_json(folder / LOG)
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def coco_entry(number: int, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what COCO says of a photo."""
    photo = record["photo"]
    height, width = photo["size_hw"]
    return {"id": number, "file_name": Path(photo["photo"]).name, "height": height, "width": width}


def _listed(log: Path) -> list[str]:
    """Return the files that an earlier run lists as its own; damaged lists have none."""
    told = read_log(log.parent) or {}
    photos = told.get("photos")
    entries = [told, *(photos if isinstance(photos, list) else ())]
    lists = [one.get("files") for one in entries if isinstance(one, dict)]
    return [name for one in lists if isinstance(one, list) for name in one if isinstance(name, str)]


def _write_coco(path: Path, journal: Journal, facts: Mapping[str, Any]) -> None:
    """Write COCO's JSON, one photo at a time; object ids are category ids."""
    images: list[dict[str, Any]] = []

    def annotations() -> Iterable[dict[str, Any]]:
        number = 0
        for record in journal.records():
            if "size_hw" not in record["photo"]:  # it could not be read
                continue
            images.append(coco_entry(len(images) + 1, record))
            for one in record["coco"]:
                number += 1
                yield {"id": number, "image_id": len(images), "iscrowd": 0, **one}

    names = [{"id": i, "name": f"object {i}", "supercategory": ""} for i in facts["object_ids"]]
    rest = {"info": {"description": "persam-vos segment"}, "licenses": [], "categories": names}
    _write_listed(path, "annotations", annotations(), rest, last=lambda: {"images": images})


def _write_listed(
    path: Path,
    name: str,
    entries: Iterable[Mapping[str, Any]],
    facts: Mapping[str, Any],
    last: Any = dict,
) -> None:
    """Write an object of JSON with one long list, an entry a line, and ``last()`` after it."""
    with path.open("w", encoding="utf-8") as file:
        head = json.dumps(facts, indent=1)
        file.write(f'{head[:-2]},\n "{name}": [')
        for number, entry in enumerate(entries):
            file.write(("" if number == 0 else ",") + "\n  " + json.dumps(entry))
        file.write("\n ]")
        for key, value in last().items():
            file.write(f',\n "{key}": {json.dumps(value)}')
        file.write("\n}\n")


def instance_annotations(record_objects: Iterable[tuple[int, Any]]) -> list[Record]:
    """Return COCO's annotations of instances, by pairs of object id and `Instance`."""
    from ..exports.coco import coco_rle

    found = []
    for object_id, one in record_objects:
        box = box_of(one.mask)
        if box is not None:
            found.append(
                {
                    "category_id": object_id,
                    "segmentation": coco_rle(one.mask),
                    "area": int(one.mask.sum()),
                    "bbox": box_xywh(box),
                    "score": round(one.score, 4),
                }
            )
    return found
