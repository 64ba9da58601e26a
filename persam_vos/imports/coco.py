"""Masks in COCO and YouTube-VIS JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import MaskError, UsageError
from ..files.limits import read_json
from ..media.coco_masks import decode_segmentation
from .shapes import Found, Shape, check_size

_Json = Mapping[str, Any]


def read_coco(path: Path, *, clip: str | None = None) -> Found:
    """Read COCO or YouTube-VIS JSON: run lengths, compressed or not, and polygons.

    An object is a ``track_id`` or ``instance_id``, of YouTube-VIS an annotation. ``clip`` is the
    name of a video, where there are several. Raises MaskError, UsageError for pycocotools that is
    not there, OSError, or ValueError, KeyError, TypeError and IndexError for what is damaged.
    """
    if find_spec("pycocotools") is None:
        raise UsageError(
            str(path),
            got="no pycocotools",
            expected="this library",
            remedy="pip install 'persam-vos[export]'",
        )
    facts = read_json(path)
    labels = {int(one["id"]): str(one["name"]) for one in facts["categories"]}
    video = _video(path, facts, clip)
    if any("segmentations" in one for one in facts["annotations"]):
        assert video is not None  # YouTube-VIS has some
        return Found(list(_of_video(facts, video, labels)))
    images = {
        int(one["id"]): one
        for one in facts["images"]
        if video is None or one.get("video_id") in (None, video["id"])
    }
    shapes, boxes = [], 0
    for one in facts["annotations"]:
        image = images.get(int(one["image_id"]))
        if image is None:
            continue
        if not one.get("segmentation"):
            boxes += 1
            continue
        size_hw = (int(image["height"]), int(image["width"]))
        frame = image.get("frame_id")
        shapes.append(
            Shape.of_mask(
                _decoded(one["segmentation"], size_hw),
                label=labels[int(one["category_id"])],
                object_id=_object(one),
                frame=None if frame is None else int(frame),
                name=PurePath(str(image["file_name"])).stem,
            )
        )
    return Found(shapes, boxes)


def _video(path: Path, facts: _Json, clip: str | None) -> _Json | None:
    """Return the video that is meant; None if the file has none."""
    videos = list(facts.get("videos", []))
    if clip is not None:
        videos = [one for one in videos if _video_name(one) == clip]
    if len(videos) == 1 or (not videos and clip is None):
        return videos[0] if videos else None
    names = ", ".join(_video_name(one) for one in facts.get("videos", [])[:20])
    raise MaskError(
        str(path),
        got=f"{len(videos)} videos{f' called {clip!r}' if clip else ''}",
        expected=f"one of {names}" if names else "a file with videos",
        remedy="choose one with clip",
    )


def _video_name(video: _Json) -> str:
    names = video.get("file_names")
    return str(video.get("name") or (PurePath(str(names[0])).parent if names else video["id"]))


def _of_video(facts: _Json, video: _Json, labels: Mapping[int, str]) -> Iterator[Shape]:
    size_hw = (int(video["height"]), int(video["width"]))
    for one in facts["annotations"]:
        if one["video_id"] != video["id"]:
            continue
        for index, segmentation in enumerate(one["segmentations"]):
            if segmentation:
                yield Shape.of_mask(
                    _decoded(segmentation, size_hw),
                    label=labels[int(one["category_id"])],
                    object_id=int(one["id"]),
                    name=PurePath(str(video["file_names"][index])).stem,
                )


def _object(annotation: _Json) -> int | None:
    attributes = annotation.get("attributes") or {}
    for given in (annotation, attributes):
        for key in ("track_id", "instance_id"):
            if given.get(key) is not None:
                return int(given[key])
    return None


def _decoded(segmentation: Any, size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    check_size(size_hw)
    return decode_segmentation(segmentation, size_hw)
