"""Contact sheets: rows of small pictures with words over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from persam_vos.evaluation.report_pictures import draw_outlines
from persam_vos.structures import LabelMap, RgbImage

_LINE_PX, _GAP_PX, _FONT_PX = 20, 4, 15
_DRAWN = 2  # outlines are drawn on pictures this much larger, since small ones need thin lines
_FINE = 4  # the same, where mistakes beside the outlines have to be seen
_MISSED_RGB, _TOO_MUCH_RGB, _CONFUSED_RGB = (255, 210, 0), (255, 30, 50), (170, 60, 255)
_TINT, _GREY = 0.65, 0.7  # of a colour in what is filled with it; of grey in the picture
_ROOM, _LEAST_WINDOW = 1.15, 0.4  # times what is shown in it; of the picture
_QUALITIES = (85, 78, 70, 60, 50)  # of a JPEG, the best first
_PAPER, _INK = (255, 255, 255), (20, 20, 20)

COLOURS_OF_MISTAKES = "truth: outline; missed: yellow; too much: red; another object's: violet"


@dataclass(frozen=True, slots=True)
class Row:
    """A title, and pictures of one size with a caption each."""

    title: str
    pictures: Sequence[RgbImage]
    captions: Sequence[str]


def outlined(image: RgbImage, truth: LabelMap, predicted: LabelMap, *, width: int) -> RgbImage:
    """Return a picture ``width`` pixels wide with thin outlines of true and predicted objects."""
    return _resize(draw_outlines(image, truth, predicted, width=_DRAWN * width), width)


def _resize(drawn: RgbImage, width: int) -> RgbImage:
    """Return a picture at a smaller width."""
    height = round(drawn.shape[0] * width / drawn.shape[1])
    return np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def mistakes(image: RgbImage, truth: LabelMap, predicted: LabelMap, *, width: int) -> RgbImage:
    """Return a picture ``width`` pixels wide: what is wrong filled, true objects outlined.

    ``image`` is (H, W, 3), the labels are (H, W). Colours are those of `COLOURS_OF_MISTAKES`, over
    a picture that has lost most of its own, cut to the objects and what is taken for them.
    """
    window = _window_round((truth > 0) | (predicted > 0))
    image, truth, predicted = image[window], truth[window], predicted[window]
    pale = image.astype(np.float32)
    pale += _GREY * (pale.mean(2, keepdims=True) - pale)
    nothing = np.zeros_like(truth)
    drawn = draw_outlines(np.rint(pale).astype(np.uint8), truth, nothing, width=_FINE * width)
    shape = drawn.shape[1::-1]
    wrong = truth != predicted
    for where, colour in (
        (wrong & (predicted == 0), _MISSED_RGB),
        (wrong & (truth == 0), _TOO_MUCH_RGB),
        (wrong & (truth > 0) & (predicted > 0), _CONFUSED_RGB),
    ):
        filled = cv2.resize(where.astype(np.uint8), shape, interpolation=cv2.INTER_NEAREST) > 0
        drawn[filled] = np.rint(drawn[filled] * (1 - _TINT) + np.array(colour) * _TINT)
    return _resize(drawn, width)


def _window_round(shown: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the part of an (H, W) picture, as wide for its height, that has all that is shown."""
    if not shown.any():
        return slice(None), slice(None)
    size = np.array(shown.shape)
    places = np.argwhere(shown)
    low, high = places.min(0), places.max(0) + 1
    part = min(1.0, max(_LEAST_WINDOW, _ROOM * float(((high - low) / size).max())))
    window = np.rint(part * size).astype(int)
    top, left = np.clip((low + high - window) // 2, 0, size - window).tolist()
    return slice(top, top + int(window[0])), slice(left, left + int(window[1]))


def write_sheet(
    path: Path, head: str, rows: Sequence[Row], *, most_bytes: int | None = None
) -> None:
    """Write rows of pictures under a head line, as PNG or JPEG by the name, and say where.

    A JPEG of more than ``most_bytes`` is written at a lower quality.
    """
    sizes = [(row.pictures[0].shape[0] + 2 * _LINE_PX + _GAP_PX) for row in rows]
    width = max(sum(p.shape[1] + _GAP_PX for p in row.pictures) for row in rows) + _GAP_PX
    sheet = Image.new("RGB", (width, _LINE_PX + _GAP_PX + sum(sizes)), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_PX)
    pen.text((_GAP_PX, 1), head, _INK, font)
    top = _LINE_PX + _GAP_PX
    for row, size in zip(rows, sizes, strict=True):
        pen.text((_GAP_PX, top), row.title, _INK, font)
        left = _GAP_PX
        for picture, caption in zip(row.pictures, row.captions, strict=True):
            pen.text((left, top + _LINE_PX), caption, _INK, font)
            sheet.paste(Image.fromarray(np.ascontiguousarray(picture)), (left, top + 2 * _LINE_PX))
            left += picture.shape[1] + _GAP_PX
        top += size
    path.parent.mkdir(parents=True, exist_ok=True)
    for quality in _QUALITIES:
        sheet.save(path, quality=quality)
        if most_bytes is None or path.stat().st_size <= most_bytes:
            break
    print(f"written: {path}")
