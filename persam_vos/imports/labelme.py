"""Masks and polygons in LabelMe's JSON files."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MaskError
from ..files.limits import read_json
from ..files.open_picture import open_picture
from .shapes import Found, Shape, check_size, polygon_mask

_SHAPES = ("mask", "polygon")


def read_labelme(path: Path) -> Found:
    """Read one JSON file, or all of a folder; an object is a ``group_id``.

    Raises MaskError, OSError, or ValueError, KeyError, TypeError and IndexError for damage.
    """
    files = sorted(path.glob("*.json"), key=_order) if path.is_dir() else [path]
    shapes, boxes = [], 0
    for file in files:
        facts = read_json(file)
        size_hw = (int(facts["imageHeight"]), int(facts["imageWidth"]))
        for one in facts["shapes"]:
            if one["shape_type"] not in _SHAPES:
                boxes += 1
                continue
            group = one.get("group_id")
            shapes.append(
                Shape.of_mask(
                    _mask(one, size_hw),
                    label=str(one["label"]),
                    object_id=None if group is None else int(group),
                    name=PureWindowsPath(str(facts["imagePath"])).stem,
                )
            )
    return Found(shapes, boxes)


def _order(file: Path) -> tuple[int, str]:
    """Sort 2 before 10."""
    return len(file.stem), file.stem


def _mask(shape: Mapping[str, Any], size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    check_size(size_hw)
    points = [(float(x), float(y)) for x, y in shape["points"]]
    if shape["shape_type"] == "polygon":
        return polygon_mask(points, size_hw)
    content = io.BytesIO(base64.b64decode(shape["mask"]))
    with open_picture(content, "a mask", MaskError) as picture:
        crop = np.asarray(picture.convert("L")) > 0
    x, y = (round(value) for value in points[0])
    height, width = crop.shape
    if x < 0 or y < 0 or y + height > size_hw[0] or x + width > size_hw[1]:
        raise MaskError(
            f"a mask of {width} x {height} at {x}, {y}",
            got="one beyond the picture",
            expected=f"one within {size_hw[1]} x {size_hw[0]}",
        )
    mask = np.zeros(size_hw, np.bool_)
    mask[y : y + height, x : x + width] = crop
    return mask
