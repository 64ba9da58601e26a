"""Data sets that Ultralytics' YOLO is trained on: polygons, or boxes with tracks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from .clip import Clip, ClipFrame
from .coco import box_xywh, categories, category_names, category_numbers
from .exporter import option
from .pictures import ImageKind, frames_with_images
from .polygons import one_polygon

_CATEGORY = "name of the class; {id} in it gives each object its own"
_IMAGES = "pictures in images/train: JPEG (quality 95), lossless PNG, or none"


@dataclass(frozen=True, kw_only=True)
class YoloSeg:
    """Write ``images/train``, ``labels/train`` and ``data.yaml``, with a polygon for each object.

    A polygon has no holes, and parts of an object are joined by lines: the format has no more.
    The folder may be moved: without a ``path``, Ultralytics looks beside ``data.yaml``.
    """

    category: str = option("object", _CATEGORY)
    images: ImageKind = option("jpg", _IMAGES)

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        height, width = clip.info.size_hw
        classes = _classes(self.category, clip.object_ids)
        labels = _start(clip, output, self.category)
        for frame in frames_with_images(clip, output / "images" / "train", self.images):
            lines = []
            for one in frame.visible:
                points = one_polygon(frame.labels == one.object_id) + 0.5
                shares = (points / np.array([width, height])).ravel()
                lines.append(f"{classes[one.object_id]} " + " ".join(f"{s:.6f}" for s in shares))
            _write_lines(labels / f"{frame.name}.txt", lines)


@dataclass(frozen=True, kw_only=True)
class YoloTrack:
    """Write ``images/train``, boxes in ``labels/train``, ``data.yaml``, and ``tracks``.

    A line of ``tracks/NAME.txt`` has class, box, score and id, as `yolo track save_txt` writes it.
    """

    category: str = option("object", _CATEGORY)
    images: ImageKind = option("jpg", _IMAGES)

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        classes = _classes(self.category, clip.object_ids)
        labels, tracks = _start(clip, output, self.category), output / "tracks"
        tracks.mkdir()
        for frame in frames_with_images(clip, output / "images" / "train", self.images):
            boxes = _boxes(clip, frame, classes)
            ends = [f"{one.score:.4f} {one.object_id}" for one in frame.visible]
            both = [f"{box} {end}" for box, end in zip(boxes, ends, strict=True)]
            _write_lines(labels / f"{frame.name}.txt", boxes)
            _write_lines(tracks / f"{frame.name}.txt", both)


def _start(clip: Clip, output: Path, category: str) -> Path:
    """Write ``data.yaml``, and return the folder of the labels."""
    names = categories(category_names(category, clip.object_ids))
    lines = ["train: images/train", "val: images/train", "names:"]
    # A JSON string is a YAML string, whatever is in it.
    lines += [f"  {one['id'] - 1}: {json.dumps(one['name'])}" for one in names]
    _write_lines(output / "data.yaml", lines)
    labels = output / "labels" / "train"
    labels.mkdir(parents=True)
    return labels


def _classes(category: str, object_ids: tuple[int, ...]) -> dict[int, int]:
    """Return the class of each object, from 0."""
    numbers = category_numbers(category_names(category, object_ids))
    return {one: number - 1 for one, number in numbers.items()}


def _boxes(clip: Clip, frame: ClipFrame, classes: dict[int, int]) -> list[str]:
    """Return class, centre and size of each visible object, in shares of the picture."""
    height, width = clip.info.size_hw
    lines = []
    for one in frame.visible:
        assert one.box_xyxy is not None  # as it is visible
        x, y, across, down = box_xywh(one.box_xyxy)
        shares = (
            (x + across / 2) / width,
            (y + down / 2) / height,
            across / width,
            down / height,
        )
        lines.append(f"{classes[one.object_id]} " + " ".join(f"{s:.6f}" for s in shares))
    return lines


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
