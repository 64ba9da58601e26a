"""Finished runs whose every pixel is known, made without a network; and mask comparisons."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from media_clips import encode_clicks
from PIL import Image

from persam_vos.exports.registry import parse_export
from persam_vos.exports.run import export_run
from persam_vos.media.output_folder import OutputFolder
from persam_vos.media.reader import open_source
from persam_vos.runtime.timer import StageTimer
from persam_vos.stages.coverage import coverage_of_mask
from persam_vos.structures import LabelMap, ObjectResult, RgbImage, TrackedFrame

SIZE_HW = (49, 71)
COUNT = 6
IDS = (2, 7)
TIMES = (0.0, 0.1, 0.15, 0.3, 0.35, 0.5)
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


def known_box(index: int, object_id: int) -> list[int] | None:
    rows, columns = np.nonzero(known_labels(index) == object_id)
    if not len(rows):
        return None
    x, y = int(columns.min()), int(rows.min())
    return [x, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1]


def deep_chart(matrix: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return colours as limited 10-bit YUV, (11, 3), and as shares of RGB's white."""
    red, blue = matrix
    rgb = CHART / 255 * 0.8 + 0.1
    luma = rgb @ np.array([red, 1 - red - blue, blue])
    cb, cr = (rgb[:, 2] - luma) / 2 / (1 - blue), (rgb[:, 0] - luma) / 2 / (1 - red)
    yuv = np.rint(np.stack([64 + 876 * luma, 512 + 896 * cb, 512 + 896 * cr], axis=1))
    luma, cb, cr = (yuv[:, 0] - 64) / 876, (yuv[:, 1] - 512) / 896, (yuv[:, 2] - 512) / 896
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    return yuv, np.stack([r, (luma - red * r - blue * b) / (1 - red - blue), b], axis=1)


def bars(size_hw: tuple[int, int]) -> np.ndarray:
    """Return which colour of the chart is where."""
    height, width = size_hw
    return (np.arange(width) * len(CHART) // width)[None].repeat(height, axis=0)


BAR_MIDDLES = np.array([int((i + 0.5) * SIZE_HW[1] / len(CHART)) for i in range(len(CHART))])


def write_deep_video(path: Path, *, transfer: int) -> Path:
    """Write the chart as 4:2:0 of 10 bits without loss, in BT.2020 with some transfer."""
    yuv, _ = deep_chart((0.2627, 0.0593))
    height, width = SIZE_HW
    half = ((height + 1) // 2, (width + 1) // 2)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p10le"
        context = stream.codec_context
        context.colorspace = context.color_primaries = 9
        context.color_trc, context.color_range = transfer, 1
        for index in range(COUNT):
            frame = av.VideoFrame(width, height, "yuv420p10le")
            for channel, plane in enumerate(frame.planes):
                values = yuv[bars(half if channel else SIZE_HW), channel].astype(np.uint16)
                rows = np.zeros((values.shape[0], plane.line_size // 2), np.uint16)
                rows[:, : values.shape[1]] = values
                plane.update(rows.tobytes())
            frame.colorspace = frame.color_primaries = 9
            frame.color_trc, frame.color_range, frame.pts = transfer, 1, index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


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


def write_video(path: Path) -> Path:
    """Write the pictures without loss, at times that are not even, with a second of sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=24)
        video.height, video.width = SIZE_HW
        video.pix_fmt = "bgr0"
        video.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream("aac", rate=44_100, layout="mono")
        for index, seconds in enumerate(TIMES):
            frame = av.VideoFrame.from_ndarray(chart_picture(index), format="rgb24")
            frame = frame.reformat(format="bgr0")
            frame.time_base, frame.pts = Fraction(1, 1000), round(seconds * 1000)
            container.mux(video.encode(frame))
        encode_clicks(container, sound, 1.0)
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


def write_run(folder: Path, source: Path, *, keep_alpha: bool = False, first: int = 0) -> Path:
    """Write a run of a source as `track` does, with `known_labels`; returns its folder."""
    opened = open_source(source)
    timer = StageTimer()
    output = OutputFolder(folder, opened.info, overlay=None, overwrite=True, timer=timer)
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


def export(run: Path, text: str, output: Path) -> Path:
    """Export a run by the text of a user; returns what was written."""
    chosen = parse_export(text)
    suffix = chosen.exporter.suffix
    return export_run(run, chosen, output=output / f"out{suffix}").path


def read_png(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def iou(found: np.ndarray, truth: np.ndarray) -> float:
    union = int((found | truth).sum())
    return int((found & truth).sum()) / union if union else 1.0
