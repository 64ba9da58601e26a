"""Boxes, areas and scores of each object on each frame: CSV, JSON lines and MOT."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from .clip import Clip
from .coco import box_xywh
from .exporter import option

_COLUMNS = ("frame", "name", "time_seconds", "object_id")
_MEASURES = ("x", "y", "width", "height", "area_px", "score")


@dataclass(frozen=True, kw_only=True)
class BoxesCsv:
    """Write a row for each object and frame; an object that is not visible has no box there."""

    suffix: ClassVar[str] = ".csv"
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        with output.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow([*_COLUMNS, *_MEASURES])
            for frame in clip.frames():
                start = [frame.index, frame.name, f"{frame.time_seconds:.6f}"]
                for one in frame.objects:
                    box = [""] * 4 if one.box_xyxy is None else box_xywh(one.box_xyxy)
                    rows.writerow([*start, one.object_id, *box, one.area_px, round(one.score, 4)])


@dataclass(frozen=True, kw_only=True)
class BoxesJsonLines:
    """Write a line of JSON for each frame, with its objects; a box is null where there is none."""

    suffix: ClassVar[str] = ".jsonl"
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        with output.open("w", encoding="utf-8") as file:
            for frame in clip.frames():
                objects = [
                    {
                        "object_id": one.object_id,
                        "box_xywh": box_xywh(one.box_xyxy) if one.box_xyxy else None,
                        "area_px": one.area_px,
                        "score": round(one.score, 4),
                    }
                    for one in frame.objects
                ]
                facts = {
                    "frame": frame.index,
                    "name": frame.name,
                    "time_seconds": round(frame.time_seconds, 6),
                    "objects": objects,
                }
                file.write(json.dumps(facts) + "\n")


@dataclass(frozen=True, kw_only=True)
class Mot:
    """Write MOTChallenge rows: frame, id, left, top, width, height, score; all counts from 1.

    As a folder there is a ``seqinfo.ini`` beside ``gt/gt.txt``.
    """

    layout: Literal["text", "folder"] = option(
        "text", "one text file of results, or a folder of a sequence with ground truth"
    )

    soft: ClassVar[bool] = False

    @property
    def suffix(self) -> str:
        """A text file, or a folder."""
        return ".txt" if self.layout == "text" else ""

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        path, ending = output, "-1,-1,-1"
        if self.layout == "folder":
            path, ending = output / "gt" / "gt.txt", "1,1"
            path.parent.mkdir()
            (output / "seqinfo.ini").write_text(_sequence(clip), encoding="utf-8")
        with path.open("w", encoding="utf-8") as file:
            for frame in clip.frames():
                for one in frame.visible:
                    assert one.box_xyxy is not None  # as it is visible
                    x, y, width, height = box_xywh(one.box_xyxy)
                    score = f"{one.score:.4f}" if self.layout == "text" else "1"
                    facts = (frame.index + 1, one.object_id, x + 1, y + 1, width, height, score)
                    file.write(",".join(map(str, facts)) + f",{ending}\n")


def _sequence(clip: Clip) -> str:
    height, width = clip.info.size_hw
    facts = {
        "name": clip.name,
        "imDir": "img1",
        "frameRate": f"{float(clip.info.frames_per_second):g}",
        "seqLength": clip.entries[-1].index + 1,
        "imWidth": width,
        "imHeight": height,
        "imExt": ".jpg",
    }
    return "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in facts.items())
