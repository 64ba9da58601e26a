"""Masks and polygons in CVAT's XML, of videos and of images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from ..errors import MaskError
from ..files.limits import read_text
from .shapes import Found, Shape, check_size, polygon_mask

_MASKS = ("mask", "polygon")
_NO_MASKS = ("box", "polyline", "points", "cuboid", "ellipse", "skeleton")


def read_cvat(path: Path) -> Found:
    """Read CVAT for video or images 1.1.

    An object is a group; without groups a track, unless it is of masks, whose tracks CVAT cuts into
    frames. Only key frames are read. Raises MaskError, OSError, or ValueError, KeyError and
    ElementTree.ParseError for what is damaged.
    """
    root = ElementTree.fromstring(read_text(path))
    if root.tag != "annotations":
        raise MaskError(str(path), got=f"XML of <{root.tag}>", expected="CVAT's <annotations>")
    shapes: list[Shape] = []
    boxes = 0
    size = root.find(".//original_size")
    for track in root.iter("track"):
        for element in track:
            boxes += element.tag in _NO_MASKS
            shown = element.get("outside", "0") == "0" and element.get("keyframe", "1") == "1"
            if element.tag in _MASKS and shown:
                if size is None:
                    raise MaskError(
                        str(path), got="no <original_size>", expected="the video's size"
                    )
                size_hw = (_number(size, "height"), _number(size, "width"))
                shapes.append(
                    Shape.of_mask(
                        _mask(element.tag, element.attrib, size_hw),
                        label=track.attrib["label"],
                        object_id=_track_object(track.attrib, element.tag),
                        frame=int(element.attrib["frame"]),
                    )
                )
    for image in root.iter("image"):
        size_hw = (int(image.attrib["height"]), int(image.attrib["width"]))
        for element in image:
            boxes += element.tag in _NO_MASKS
            if element.tag in _MASKS:
                shapes.append(
                    Shape.of_mask(
                        _mask(element.tag, element.attrib, size_hw),
                        label=element.attrib["label"],
                        object_id=int(element.get("group_id", "0")) or None,
                        frame=int(image.attrib["id"]),
                        name=PurePath(image.attrib["name"]).stem,
                    )
                )
    return Found(shapes, boxes)


def _number(size: ElementTree.Element, name: str) -> int:
    return int(size.findtext(name, ""))


def _track_object(track: Mapping[str, str], kind: str) -> int | None:
    group = int(track.get("group_id", "0"))
    if group:
        return group
    return None if kind == "mask" else int(track["id"]) + 1


def _mask(kind: str, facts: Mapping[str, str], size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    check_size(size_hw)
    if kind == "polygon":
        points = [tuple(map(float, one.split(","))) for one in facts["points"].split(";")]
        return polygon_mask([(x, y) for x, y in points], size_hw)
    runs = [int(one) for one in facts["rle"].split(",")]
    left, top = int(facts["left"]), int(facts["top"])
    width, height = int(facts["width"]), int(facts["height"])
    inside = left >= 0 and top >= 0 and left + width <= size_hw[1] and top + height <= size_hw[0]
    if min(runs) < 0 or sum(runs) != width * height or not inside:
        raise ValueError(f"run lengths of {sum(runs)} pixels for a mask of {width} x {height}")
    values = np.arange(len(runs)) % 2 == 1
    mask = np.zeros(size_hw, np.bool_)
    mask[top : top + height, left : left + width] = values.repeat(runs).reshape(height, width)
    return mask
