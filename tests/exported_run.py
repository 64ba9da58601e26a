"""Finished runs whose every pixel is known, made without a network; and mask comparisons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from persam_vos.media.output_folder import OutputFolder
from persam_vos.media.reader import open_source
from persam_vos.runtime.timer import StageTimer
from persam_vos.stages.coverage import coverage_of_mask
from persam_vos.structures import LabelMap, ObjectResult, RgbImage, TrackedFrame

SIZE_HW = (49, 71)
COUNT = 6
IDS = (2, 7)
CHART = np.array(
    [
        *((255, 255, 255), (192, 192, 0), (0, 192, 192), (0, 192, 0), (192, 0, 192), (192, 0, 0)),
        *((0, 0, 192), (16, 16, 16), (128, 128, 128), (235, 20, 90), (0, 0, 0)),
    ],
    np.uint8,
)


def chart_picture(index: int) -> RgbImage:
    """Colour bars, over a ramp of grey that moves with time."""
    height, width = SIZE_HW
    picture = CHART[np.arange(width) * len(CHART) // width][None].repeat(height, axis=0)
    ramp = (np.arange(width) * 3 + 5 * index) % 256
    picture[height - 9 :] = ramp[None, :, None]
    return np.ascontiguousarray(picture)


def known_labels(index: int) -> LabelMap:
    """Object 2 has a hole and two parts, and moves; 7 touches it, and is gone on frames 2 and 3."""
    labels = np.zeros(SIZE_HW, np.uint8)
    labels[8:30, 5 + index : 25 + index] = 2
    labels[14:20, 10 + index : 16 + index] = 0
    labels[35:40, 6:12] = 2
    if index not in (2, 3):
        labels[5 + index : 28, 25 + index : 44] = 7
        labels[48, 70] = 7
    return labels


def tracked(frame_index: int, frame: object, labels: LabelMap) -> TrackedFrame:
    objects = []
    for object_id in IDS:
        rows, columns = np.nonzero(labels == object_id)
        box = None
        if len(rows):
            ends = (columns.min(), rows.min(), columns.max(), rows.max())
            x0, y0, x1, y1 = (int(end) for end in ends)
            box = (x0, y0, x1, y1)
        score = 0.9 - 0.05 * frame_index if box else 0.25
        objects.append(ObjectResult(object_id, box, len(rows), score))
    return TrackedFrame(frame, labels, tuple(objects))  # type: ignore[arg-type]


def write_images(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for index in range(COUNT):
        Image.fromarray(chart_picture(index)).save(folder / f"shot{index}.png")
    return folder


def write_run(folder: Path, source: Path, *, keep_alpha: bool = False, first: int = 0) -> Path:
    """Write a run of a source as `track` does, with `known_labels`; returns its folder."""
    opened = open_source(source)
    timer = StageTimer()
    output = OutputFolder(
        folder, opened.info, overlay=False, alpha=0.5, overwrite=True, timer=timer
    )
    info = opened.info
    output.describe(
        {
            "version": "0.0",
            "input": {
                "path": info.path,
                "kind": info.kind,
                "size_hw": info.size_hw,
                "frame_count": info.frame_count,
                "frames_per_second": str(info.frames_per_second),
                "codec": info.codec,
                "has_audio": info.has_audio,
            },
            "object_ids": list(IDS),
        }
    )
    with output:
        for frame in opened.frames(first):
            labels = known_labels(frame.index)
            one = tracked(frame.index, frame, labels)
            if keep_alpha:
                alphas = {i: coverage_of_mask(labels == i) for i in IDS}
                one = TrackedFrame(one.frame, one.label_map, one.objects, alphas)
            output.write(one)
        output.finish({"frame_count": COUNT})
    return folder


def iou(found: np.ndarray, truth: np.ndarray) -> float:
    union = int((found | truth).sum())
    return int((found & truth).sum()) / union if union else 1.0
