"""One picture of all photos and their masks, to be approved before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ..structures import RgbImage
from .gates import SubjectFacts

PER_SHEET = 40
"""Photos on a sheet."""
_COLUMNS = 2
_SIDE = 300  # pixels of a picture's box, of which a photo has two
_GAP, _CAPTION, _TOP = 18, 62, 96
_PAPER, _INK, _QUIET = (250, 250, 250), (25, 25, 25), (110, 110, 110)
_GOOD, _LOOK, _BAD = (30, 130, 70), (185, 105, 0), (195, 35, 35)
_OUTLINE, _OUTLINE_PX = (255, 0, 160), 2
_SQUARES, _SQUARE_PX = (205, 235), 10  # greys of what is transparent, as editors show it

Mask = npt.NDArray[np.bool_]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Tile:
    """A photo on the sheet; produced by `make_tile`, consumed by `save_sheets`.

    ``picture`` and ``cutout`` are small, (h, w, 3) uint8 RGB: the photo with an outline of its
    mask, and what the mask leaves of it.
    """

    name: str
    picture: RgbImage
    cutout: RgbImage
    facts: SubjectFacts


def make_tile(name: str, image: RgbImage, mask: Mask, facts: SubjectFacts) -> Tile:
    """Draw a photo, (H, W, 3) uint8 RGB, and what its (H, W) mask leaves of it, small."""
    height, width = mask.shape
    scale = _SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
    share = np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=how))
    weight = share[..., None]
    cutout = weight * small + (1 - weight) * _squares(small.shape[:2])
    picture = small.copy()
    if mask.any():
        shape = (share >= min(0.5, float(share.max()))).astype(np.uint8)
        contours, _ = cv2.findContours(shape, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, _OUTLINE, _OUTLINE_PX)
    return Tile(name, picture, np.asarray(cutout, np.uint8), facts)


def sheet_names(count: int, stem: str = "contact-sheet") -> list[str]:
    """Return the names of the sheets of so many photos: ``contact-sheet.png``, ``...-2.png``."""
    sheets = max(1, math.ceil(count / PER_SHEET))
    return [f"{stem}.png", *(f"{stem}-{number}.png" for number in range(2, sheets + 1))]


def save_sheets(folder: Path, tiles: Sequence[Tile], title: str) -> list[str]:
    """Write sheets of tiles in their order, and return their names; raises OSError."""
    names = sheet_names(len(tiles))
    for number, name in enumerate(names):
        shown = tiles[number * PER_SHEET : (number + 1) * PER_SHEET]
        of_sheets = f" ({number + 1} of {len(names)})" if len(names) > 1 else ""
        draw_sheet(shown, title + of_sheets).save(folder / name, compress_level=6)
    return names


def draw_sheet(tiles: Sequence[Tile], title: str) -> Image.Image:
    """Draw tiles in rows below a title, each with its name and what is worth a look."""
    columns = min(_COLUMNS, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    step_x, step_y = 2 * (_SIDE + _GAP), _SIDE + _CAPTION + _GAP
    sheet = Image.new("RGB", (columns * step_x + _GAP, _TOP + rows * step_y), _PAPER)
    draw = ImageDraw.Draw(sheet)
    width = sheet.width - 2 * _GAP
    draw.text((_GAP, 16), _fitted(title, 22, width), font=_font(22), fill=_INK)
    key = "Left: the photo, and the outline of the mask. Right: what is learned."
    draw.text((_GAP, 54), _fitted(key, 17, width), font=_font(17), fill=_QUIET)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        _put(sheet, tile, (_GAP + column * step_x, _TOP + row * step_y))
    return sheet


def _put(sheet: Image.Image, tile: Tile, corner_xy: tuple[int, int]) -> None:
    """Draw a tile with its corner there; the colour of its frame says whether all is well."""
    left, top = corner_xy
    width = 2 * _SIDE + _GAP // 2
    draw, colour = ImageDraw.Draw(sheet), _colour(tile.facts)
    draw.rectangle((left - 4, top - 4, left + width + 3, top + _SIDE + 3), _PAPER, colour, 4)
    for number, picture in enumerate((tile.picture, tile.cutout)):
        high, wide = picture.shape[:2]
        x = left + number * (width - _SIDE) + (_SIDE - wide) // 2
        sheet.paste(Image.fromarray(picture), (x, top + (_SIDE - high) // 2))
    y = top + _SIDE + 8
    draw.text((left, y), _fitted(tile.name, 18, width), font=_font(18), fill=_INK)
    draw.text((left, y + 24), _fitted(_state(tile.facts), 17, width), font=_font(17), fill=colour)


def _squares(size_hw: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return light and dark squares in turn, (h, w, 1), for what is transparent."""
    rows, columns = np.indices(size_hw) // _SQUARE_PX
    return np.where((rows + columns) % 2, *_SQUARES).astype(np.float32)[..., None]


def _state(facts: SubjectFacts) -> str:
    """Say in a line what was found, and what is worth a look."""
    if not facts.coverage:
        return facts.describe("not found")
    state = f"{'given' if facts.given else 'found'}, {facts.coverage:.1%} of the photo"
    return "; ".join([state, *(facts.describe(gate) for gate in facts.gates)])


def _colour(facts: SubjectFacts) -> Colour:
    if "not found" in facts.gates:
        return _BAD
    return _LOOK if facts.gates else _GOOD


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def _fitted(text: str, size: int, width: int) -> str:
    """Shorten a text at its end so that it is no wider than that."""
    font = _font(size)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
