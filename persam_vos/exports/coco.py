"""COCO JSON: boxes and run lengths of each object on each frame, with tracks and scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..structures import Box
from .clip import Clip, ClipFrame
from .exporter import option


def coco_rle(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Return COCO's compressed run lengths of an (H, W) mask, as JSON has them."""
    from pycocotools import mask as coco_mask

    found = coco_mask.encode(np.asfortranarray(mask.view(np.uint8)))
    return {"size": [int(side) for side in found["size"]], "counts": found["counts"].decode()}


def box_xywh(box: Box) -> list[int]:
    """Return x, y, width and height of a box whose ends are inclusive, in pixels."""
    x0, y0, x1, y1 = box
    return [x0, y0, x1 - x0 + 1, y1 - y0 + 1]


@dataclass(frozen=True, kw_only=True)
class Coco:
    """Write one JSON file: an image for each frame, an annotation for each object on it.

    Annotations have ``track_id`` (the object's id; once more among ``attributes``, where Datumaro
    looks), ``score`` and compressed run lengths. Objects that are not visible on a frame have none
    there.
    """

    category: str = option("object", "name of the category; {id} in it gives each object its own")
    images: str = option(".jpg", "suffix of the file names of the images: NAME.jpg")

    suffix: ClassVar[str] = ".json"
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames; annotations go to the file as they come."""
        names = category_names(self.category, clip.object_ids)
        images = []
        with output.open("w", encoding="utf-8") as file:
            file.write('{"annotations": [')
            number = 0
            for image_id, frame in enumerate(clip.frames(), 1):
                images.append(image_entry(clip, frame, image_id, self.images))
                for annotation in _annotations(frame, image_id, names):
                    number += 1
                    file.write(",\n" if number > 1 else "\n")
                    file.write(json.dumps({"id": number, **annotation}))
            facts = {
                "info": {"description": clip.name, "version": f"persam-vos {clip.version}"},
                "licenses": [],
                "categories": categories(names),
                "images": images,
                "videos": [{"id": 1, "name": clip.name}],
            }
            file.write(f"\n],\n{json.dumps(facts)[1:]}\n")


def image_entry(clip: Clip, frame: ClipFrame, image_id: int, suffix: str) -> dict[str, Any]:
    """Return what COCO says of a frame."""
    height, width = clip.info.size_hw
    return {
        "id": image_id,
        "file_name": f"{frame.name}{suffix}",
        "height": height,
        "width": width,
        "video_id": 1,
        "frame_id": frame.index,
    }


def category_names(category: str, object_ids: tuple[int, ...]) -> dict[int, str]:
    """Return the name of each object's category, by its id: ``{id}`` stands for that."""
    return {one: category.replace("{id}", str(one)) for one in object_ids}


def categories(names: dict[int, str]) -> list[dict[str, Any]]:
    """Return COCO's categories of the names of objects, numbered from 1."""
    return [
        {"id": number, "name": name, "supercategory": ""}
        for number, name in enumerate(dict.fromkeys(names.values()), 1)
    ]


def category_numbers(names: dict[int, str]) -> dict[int, int]:
    """Return the number of each object's category, by the object's id."""
    numbers = {one["name"]: int(one["id"]) for one in categories(names)}
    return {object_id: numbers[name] for object_id, name in names.items()}


def _annotations(
    frame: ClipFrame, image_id: int, names: dict[int, str]
) -> Iterator[dict[str, Any]]:
    numbers = category_numbers(names)
    for one in frame.visible:
        assert one.box_xyxy is not None  # as it is visible
        yield {
            "image_id": image_id,
            "category_id": numbers[one.object_id],
            "track_id": one.object_id,
            "segmentation": coco_rle(frame.labels == one.object_id),
            "area": one.area_px,
            "bbox": box_xywh(one.box_xyxy),
            "iscrowd": 0,
            "score": round(one.score, 4),
            "attributes": {"track_id": one.object_id},
        }
