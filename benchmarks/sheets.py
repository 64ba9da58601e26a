"""Contact sheets: rows of small pictures with words over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from persam_vos.evaluation.report_pictures import draw_outlines
from persam_vos.structures import LabelMap, RgbImage

_LINE_PX, _GAP_PX, _FONT_PX = 20, 4, 15
_DRAWN = 2  # outlines are drawn on pictures this much larger, since small ones need thin lines
_PAPER, _INK = (255, 255, 255), (20, 20, 20)


@dataclass(frozen=True, slots=True)
class Row:
    """A title, and pictures of one size with a caption each."""

    title: str
    pictures: Sequence[RgbImage]
    captions: Sequence[str]


def outlined(image: RgbImage, truth: LabelMap, predicted: LabelMap, *, width: int) -> RgbImage:
    """Return a picture ``width`` pixels wide with thin outlines of true and predicted objects."""
    drawn = draw_outlines(image, truth, predicted, width=_DRAWN * width)
    height = round(drawn.shape[0] / _DRAWN)
    return np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def write_sheet(path: Path, head: str, rows: Sequence[Row]) -> None:
    """Write rows of pictures under a head line, as PNG or JPEG by the name, and say where."""
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
    sheet.save(path, quality=85)
    print(f"written: {path}")
