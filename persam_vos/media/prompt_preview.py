"""What was understood of prompts, drawn over the picture: masks, ids, points and boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ..errors import OutputError
from ..files.atomic import atomic_path
from ..geometry import depth_of
from ..scoring.label_files import present_ids
from ..scoring.palette import davis_palette
from ..structures import LabelMap, RgbImage
from .overlay import LIGHT_LUMA, draw_overlay
from .reference_prompts import Prompt

_SMALLEST = 640  # pixels along the long side: smaller pictures are enlarged, or no id would fit
_TEXT_SHARE, _MIN_TEXT = 1 / 30, 15  # height of text: a share of the short side, in pixels at least
_GREEN, _RED, _WHITE, _BLACK = (0, 160, 60), (215, 30, 30), (255, 255, 255), (0, 0, 0)

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TitledLabels:
    """Labels (H, W) of one of several pictures, with its title; ``chosen`` is framed."""

    title: str
    label_map: LabelMap
    chosen: bool = False


def draw_preview(
    image: RgbImage,
    label_map: LabelMap,
    prompts: Mapping[int, Prompt],
    rough: LabelMap | None = None,
) -> RgbImage:
    """Draw labels (H, W) over an (H, W, 3) picture, and what they were made from.

    Objects are filled and outlined, and their ids stand in them. ``prompts`` are in pixels: boxes
    are drawn in the colour of their object, points as a green plus on it and a red minus off it.
    The outline of ``rough`` masks (H, W) is white. Small pictures are enlarged.
    """
    factor = max(1, -(-_SMALLEST // max(image.shape[:2])))
    drawn = draw_overlay(_enlarged(image, factor), _enlarged_labels(label_map, factor), alpha=0.4)
    if rough is not None:
        _draw_rough(drawn, _enlarged_labels(rough, factor))
    canvas = Image.fromarray(drawn)
    pen, text_px = ImageDraw.Draw(canvas), _text_px(drawn)
    for object_id, prompt in prompts.items():
        if prompt.box_xyxy is not None:
            _draw_box(pen, [factor * side for side in prompt.box_xyxy], object_id, text_px)
    points = [xy for prompt in prompts.values() for xy in prompt.points_xy]
    for object_id in sorted(present_ids(label_map)):
        x, y = _middle(label_map == object_id, points, text_px / factor)
        _write(pen, (factor * x, factor * y), str(object_id), colour_of(object_id), text_px)
    for prompt in prompts.values():
        for (x, y), label in zip(prompt.points_xy, prompt.labels, strict=True):
            _draw_point(pen, (factor * x, factor * y), label > 0, text_px)
    return np.asarray(canvas)


def draw_side_by_side(
    image: RgbImage, rows: Sequence[tuple[Sequence[TitledLabels], Mapping[int, Prompt]]]
) -> RgbImage:
    """Draw several label maps over one picture, with their prompts: a line for each of ``rows``.

    Each has its title above it.
    """
    lines = []
    for labels, prompts in rows:
        tiles = [_titled(draw_preview(image, one.label_map, prompts), one) for one in labels]
        lines.append(np.concatenate(tiles, axis=1))
    return np.concatenate(lines)


def colour_of(object_id: int) -> Colour:
    """Return the colour in which an object is drawn."""
    red, green, blue = davis_palette()[object_id].tolist()
    return red, green, blue


def _titled(tile: RgbImage, labels: TitledLabels) -> RgbImage:
    """Put a title above a picture."""
    text_px = _text_px(tile)
    height = 2 * text_px
    canvas = Image.new("RGB", (tile.shape[1], tile.shape[0] + height), _WHITE)
    canvas.paste(Image.fromarray(tile), (0, height))
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(text_px)
    title = f"{labels.title}, taken" if labels.chosen else labels.title
    pen.text((text_px // 2, height // 2), title, _BLACK, font, anchor="lm")
    frame = _GREEN if labels.chosen else _WHITE
    pen.rectangle((0, 0, canvas.width - 1, canvas.height - 1), outline=frame, width=text_px // 5)
    return np.asarray(canvas)


def _enlarged(image: RgbImage, factor: int) -> RgbImage:
    size = (factor * image.shape[1], factor * image.shape[0])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _enlarged_labels(labels: LabelMap, factor: int) -> LabelMap:
    return labels.repeat(factor, axis=0).repeat(factor, axis=1)


def _text_px(image: RgbImage) -> int:
    return max(_MIN_TEXT, round(float(min(image.shape[:2])) * _TEXT_SHARE))


def _middle(
    mask: npt.NDArray[np.bool_], points: Sequence[tuple[float, float]], apart: float
) -> tuple[float, float]:
    """Return the xy of the middle of the pixel of a mask that is farthest from all else.

    That is its outside, and points with discs of the radius ``apart``, where there is room beside.
    """
    beside = mask.astype(np.uint8)
    for x, y in points:
        cv2.circle(beside, (round(x), round(y)), round(apart), 0, cv2.FILLED)
    free = depth_of(beside > 0)
    if free.max() < apart:
        free = depth_of(mask)
    row, column = np.unravel_index(int(free.argmax()), free.shape)
    return float(column) + 0.5, float(row) + 0.5


def _write(
    pen: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, ground: Colour, text_px: int
) -> None:
    """Write on a plate of an object's colour, centred at ``xy``."""
    font = ImageFont.load_default(text_px)
    left, top, right, bottom = pen.textbbox(xy, text, font, anchor="mm")
    border = text_px / 4
    ink = _BLACK if np.dot(ground, (0.299, 0.587, 0.114)) >= LIGHT_LUMA else _WHITE
    plate = (left - border, top - border, right + border, bottom + border)
    pen.rounded_rectangle(plate, border, ground, ink, max(1, text_px // 12))
    pen.text(xy, text, ink, font, anchor="mm")


def _draw_box(pen: ImageDraw.ImageDraw, box: Sequence[float], object_id: int, text_px: int) -> None:
    """Draw a box on a black line, so that it shows on any ground."""
    width = max(2, text_px // 8)
    pen.rectangle([*box], outline=_BLACK, width=width + 2)
    inner = (box[0] + 1, box[1] + 1, max(box[0] + 1, box[2] - 1), max(box[1] + 1, box[3] - 1))
    pen.rectangle(inner, outline=colour_of(object_id), width=width)


def _draw_point(
    pen: ImageDraw.ImageDraw, xy: tuple[float, float], positive: bool, text_px: int
) -> None:
    """Draw a plus on a green disc, or a minus on a red one."""
    (x, y), radius, arm = xy, 0.45 * text_px, 0.25 * text_px
    colour = _GREEN if positive else _RED
    width = max(2, text_px // 8)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), colour, _WHITE, width)
    pen.line((x - arm, y, x + arm, y), _WHITE, width)
    if positive:
        pen.line((x, y - arm, x, y + arm), _WHITE, width)


def _draw_rough(drawn: RgbImage, rough: LabelMap) -> None:
    """Outline rough masks in white on black, in place."""
    width = max(1, _text_px(drawn) // 10)
    for object_id in sorted(present_ids(rough)):
        mask = (rough == object_id).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, contours, -1, _BLACK, 3 * width, cv2.LINE_AA)
        cv2.drawContours(drawn, contours, -1, _WHITE, width, cv2.LINE_AA)


def write_preview(path: Path, picture: RgbImage) -> None:
    """Write an (H, W, 3) picture in the format of its suffix, whole or not at all.

    Raises OutputError, also for a suffix that no format has.
    """
    with atomic_path(path) as temporary:
        try:
            Image.fromarray(picture).save(temporary)
        except ValueError as error:
            raise OutputError(
                str(path), got="a name of no known kind of picture", expected="one such as p.png"
            ) from error
