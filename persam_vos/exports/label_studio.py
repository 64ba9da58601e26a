"""Label Studio: boxes in a video with interpolation, or brush masks on images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from ..errors import UsageError
from ..media.brush_rle import encode_brush
from ..structures import Box, ObjectResult
from .clip import Clip, ClipFrame
from .coco import box_xywh, category_names
from .exporter import option

_Key = tuple[int, float, Box]
"""Frame index, time in seconds and box of a key frame."""


@dataclass(frozen=True, kw_only=True)
class LabelStudio:
    """Write tasks with predictions, for import: one of the video, or one of each image.

    Videos have a ``VideoRectangle`` for each object, whose key frames are those that are not on the
    straight line between others; Label Studio interpolates there. It has no masks in videos. Images
    have ``BrushLabels`` with lossless masks.
    """

    kind: Literal["video", "images"] = option(
        "video", "boxes in the video, or brush masks on an image for each frame"
    )
    label: str = option("object", "name of the label; {id} in it gives each object its own")
    url: str = option(
        "/data/local-files/?d=", "what comes before the file name of the video or image in a task"
    )
    tolerance: float = option(0.5, "pixels that an interpolated box may be off")

    suffix: ClassVar[str] = ".json"
    soft: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise UsageError("option tolerance", got=f"{self.tolerance:g}", expected="0 or more")

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        tasks = self._of_video(clip) if self.kind == "video" else self._of_images(clip)
        with output.open("w", encoding="utf-8") as file:
            for number, task in enumerate(tasks):
                file.write(",\n" if number else "[\n")
                file.write(json.dumps(task))
            file.write("\n]\n")

    def _of_video(self, clip: Clip) -> Iterator[dict[str, Any]]:
        names = category_names(self.label, clip.object_ids)
        tracks = {one: _Track(self.tolerance) for one in clip.object_ids}
        for frame in clip.frames():
            found = {one.object_id: one for one in frame.objects}
            for object_id, track in tracks.items():
                track.add(frame, found.get(object_id))
        regions: list[dict[str, Any]] = []
        for object_id, track in tracks.items():
            sequence = track.sequence(clip.info.size_hw)
            if sequence:
                value = {
                    "framesCount": clip.entries[-1].index + 1,
                    "duration": round(clip.entries[-1].time_seconds, 6),
                    "sequence": sequence,
                    "labels": [names[object_id]],
                }
                regions.append(
                    {
                        "id": f"object_{object_id}",
                        "type": "videorectangle",
                        "from_name": "box",
                        "to_name": "video",
                        "value": value,
                        "score": track.mean_score,
                        "meta": {"text": [f"id {object_id}"]},
                    }
                )
        scores = [region["score"] for region in regions]
        task = {"video": f"{self.url}{Path(clip.info.path).name}"}
        yield _task(clip, task, regions, scores)

    def _of_images(self, clip: Clip) -> Iterator[dict[str, Any]]:
        names = category_names(self.label, clip.object_ids)
        height, width = clip.info.size_hw
        for frame in clip.frames():
            regions = [
                {
                    "id": f"object_{one.object_id}",
                    "type": "brushlabels",
                    "from_name": "tag",
                    "to_name": "image",
                    "original_width": width,
                    "original_height": height,
                    "image_rotation": 0,
                    "value": {
                        "format": "rle",
                        "rle": encode_brush(frame.labels == one.object_id),
                        "brushlabels": [names[one.object_id]],
                    },
                    "score": round(one.score, 4),
                    "meta": {"text": [f"id {one.object_id}"]},
                }
                for one in frame.visible
            ]
            task = {"image": f"{self.url}{frame.name}.jpg"}
            yield _task(clip, task, regions, [one.score for one in frame.visible])


def _task(
    clip: Clip, data: dict[str, str], regions: list[dict[str, Any]], scores: list[float]
) -> dict[str, Any]:
    mean = round(sum(scores) / len(scores), 4) if scores else 0.0
    prediction = {
        "model_version": f"persam-vos {clip.version}",
        "score": mean,
        "result": regions,
    }
    return {"data": data, "predictions": [prediction]}


@dataclass
class _Track:
    """Key frames of one object, in spans in which it is visible."""

    tolerance: float
    spans: list[list[_Key]] = field(default_factory=list)
    _scores: list[float] = field(default_factory=list)
    _open: bool = False

    @property
    def mean_score(self) -> float:
        """Mean score of the frames on which it is visible."""
        return round(sum(self._scores) / len(self._scores), 4)

    def add(self, frame: ClipFrame, one: ObjectResult | None) -> None:
        """Take in a frame."""
        if one is None or one.box_xyxy is None:
            self._open = False
            return
        if not self._open:
            self.spans.append([])
            self._open = True
        self._scores.append(one.score)
        self.spans[-1].append((frame.index, frame.time_seconds, one.box_xyxy))

    def sequence(self, size_hw: tuple[int, int]) -> list[dict[str, Any]]:
        """Return Label Studio's key frames; after the last one of a span the object is gone."""
        height, width = size_hw
        rows = []
        for span in self.spans:
            kept = _key_frames(span, self.tolerance)
            for place, (index, seconds, box) in enumerate(kept):
                x, y, across, down = box_xywh(box)
                rows.append(
                    {
                        "frame": index + 1,
                        "time": round(seconds, 6),
                        "enabled": place < len(kept) - 1,
                        "rotation": 0,
                        "x": 100 * x / width,
                        "y": 100 * y / height,
                        "width": 100 * across / width,
                        "height": 100 * down / height,
                    }
                )
        return rows


def _key_frames(span: list[_Key], tolerance: float) -> list[_Key]:
    """Drop frames that the straight line between those that are kept comes near enough to."""
    kept, start = [span[0]], 0
    for end in range(2, len(span)):
        if any(_off(span[start], span[end], one) > tolerance for one in span[start + 1 : end]):
            start = end - 1
            kept.append(span[start])
    return [*kept, span[-1]] if len(span) > 1 else kept


def _off(first: _Key, last: _Key, between: _Key) -> float:
    """Return by how many pixels a box differs from that of the straight line."""
    share = (between[0] - first[0]) / (last[0] - first[0])
    line = (a + share * (b - a) for a, b in zip(first[2], last[2], strict=True))
    return max(abs(a - b) for a, b in zip(line, between[2], strict=True))
