"""YouTube-VIS JSON and the folder of YouTube-VOS."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..media.label_png import write_label_png
from .clip import Clip
from .coco import box_xywh, categories, category_names, category_numbers, coco_rle
from .exporter import option
from .pictures import IMAGES_HELP, ImageKind, frames_with_images

_CATEGORY = "name of the category; {id} in it gives each object its own"


@dataclass(frozen=True, kw_only=True)
class YoutubeVis:
    """Write one JSON file: an annotation for each object, with run lengths of every frame.

    ``score`` is the mean of the frames on which it is visible, ``scores`` has that of each. The
    run lengths of all frames are in memory, about half a kilobyte for each object and frame.
    """

    category: str = option("object", _CATEGORY)
    images: str = option(".jpg", "suffix of the file names of the images: VIDEO/NAME.jpg")

    suffix: ClassVar[str] = ".json"
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        series: dict[int, dict[str, list[Any]]] = {
            one: defaultdict(list) for one in clip.object_ids
        }
        names = []
        for frame in clip.frames():
            names.append(f"{clip.name}/{frame.name}{self.images}")
            found = {one.object_id: one for one in frame.visible}
            for object_id, rows in series.items():
                one = found.get(object_id)
                box = None if one is None or one.box_xyxy is None else box_xywh(one.box_xyxy)
                rows["segmentations"].append(coco_rle(frame.labels == object_id) if one else None)
                rows["bboxes"].append(box)
                rows["areas"].append(one.area_px if one else None)
                rows["scores"].append(round(one.score, 4) if one else None)
        height, width = clip.info.size_hw
        size = {"width": width, "height": height, "length": len(names)}
        of_object = category_names(self.category, clip.object_ids)
        numbers = category_numbers(of_object)
        annotations = [
            {
                "id": object_id,
                "video_id": 1,
                "category_id": numbers[object_id],
                "iscrowd": 0,
                "score": _mean(rows["scores"]),
                **size,
                **rows,
            }
            for object_id, rows in series.items()
        ]
        facts = {
            "info": {"description": clip.name, "version": f"persam-vos {clip.version}"},
            "licenses": [],
            "videos": [{"id": 1, "file_names": names, **size}],
            "categories": categories(of_object),
            "annotations": annotations,
        }
        output.write_text(json.dumps(facts) + "\n", encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class YoutubeVos:
    """Write a split of one video: ``JPEGImages``, ``Annotations`` and ``meta.json``."""

    category: str = option("object", _CATEGORY)
    images: ImageKind = option("jpg", IMAGES_HELP)

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        labels = output / "Annotations" / clip.name
        labels.mkdir(parents=True)
        seen: dict[int, list[str]] = {one: [] for one in clip.object_ids}
        for frame in frames_with_images(clip, output / "JPEGImages" / clip.name, self.images):
            write_label_png(labels / f"{frame.name}.png", frame.labels)
            for one in frame.visible:
                seen[one.object_id].append(frame.name)
        of_object = category_names(self.category, clip.object_ids)
        objects = {
            str(object_id): {"category": of_object[object_id], "frames": names}
            for object_id, names in seen.items()
            if names
        }
        meta = {"videos": {clip.name: {"objects": objects}}}
        (output / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")


def _mean(scores: list[float | None]) -> float:
    known = [score for score in scores if score is not None]
    return round(sum(known) / len(known), 4) if known else 0.0
