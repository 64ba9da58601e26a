"""Brush masks and polygons in Label Studio's JSON of image tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from ..files.limits import read_json
from ..media.brush_rle import decode_brush
from .shapes import Found, Shape, check_size, polygon_mask

_LABELS = {"brushlabels": "brushlabels", "polygonlabels": "polygonlabels"}
_OURS = re.compile(r"object_(\d+)")


def read_label_studio(path: Path) -> Found:
    """Read the tasks of an export: the first annotation of each, or else its first prediction.

    An object is a region whose id is ``object_N``, as this program writes them. Raises MaskError,
    OSError, or ValueError, KeyError, TypeError and IndexError for what is damaged.
    """
    tasks = read_json(path)
    shapes, boxes = [], 0
    for task in tasks if isinstance(tasks, list) else [tasks]:
        given = task.get("annotations") or task.get("predictions") or [{"result": []}]
        name = next((str(one) for one in task["data"].values() if isinstance(one, str)), "")
        for region in given[0]["result"]:
            if region["type"] not in _LABELS:
                boxes += 1
                continue
            found = _OURS.fullmatch(str(region.get("id", "")))
            shapes.append(
                Shape.of_mask(
                    _mask(region),
                    label=str(region["value"][region["type"]][0]),
                    object_id=int(found[1]) if found else None,
                    name=_stem(name),
                )
            )
    return Found(shapes, boxes)


def _stem(url: str) -> str:
    """Return the name of an image in a URL or path, or in its ``d=``."""
    return PurePath(re.split(r"[?&]d=", url)[-1].split("?")[0]).stem


def _mask(region: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    value = region["value"]
    size_hw = height, width = int(region["original_height"]), int(region["original_width"])
    check_size(size_hw)
    if region["type"] == "brushlabels":
        return decode_brush(value["rle"], size_hw)
    points = [(float(x) * width / 100, float(y) * height / 100) for x, y in value["points"]]
    return polygon_mask(points, size_hw)
