"""Masks that are refused since their pixels are not flat, read as they were probably meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from scipy import ndimage

from ..errors import MaskError
from ..media.label_values import BINARY_FROM
from ..scoring import VOID_LABEL
from ..scoring.palette import davis_palette
from ..structures import LabelMap

_BETWEEN = (64, 192)  # greys that are neither black nor white
_FEW = 0.2  # at most this fraction of a black and white mask is between the two
_NOISE = 8  # what JPEG adds to a flat colour, in levels of a channel
_APART = 40  # colours of two objects differ by more, in levels of a channel
_MOST_COLOURS = 64
_COVERED = 0.8  # of a mask is flat; less is a photograph
_MOST_CANDIDATES = 4096  # of the colours of a picture, those that it has most of
_BLOCK = np.ones((3, 3), np.uint8)

Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Understood:
    """A mask as it was probably meant: (H, W) ids, and in sentences what was done for it."""

    label_map: LabelMap
    changes: tuple[str, ...] = ()


def understand(path: Path, refused: MaskError) -> Understood:
    """Read a mask file that was refused, whose outlines are soft or whose colours are unknown.

    Raises ``refused`` for what no guess makes a mask of: no image, nothing drawn, a photograph.
    """
    name = path.name
    try:
        with Image.open(path) as image:
            pixels, opaque = _eight_bits(ImageOps.exif_transpose(image))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise refused from None
    pixels = np.where(opaque[..., None], pixels, 0).astype(np.uint8)
    if _is_black_and_white(pixels):
        white = pixels.mean(axis=2) >= BINARY_FROM
        return Understood(white.astype(np.uint8), (f"{name}: its greys were cut at {BINARY_FROM}",))
    grey = bool((pixels == pixels[..., :1]).all())
    return _from_colours(pixels, name, refused, exact=grey and int(pixels.max()) < BINARY_FROM)


def _eight_bits(image: Image.Image) -> tuple[Grey, npt.NDArray[np.bool_]]:
    """Return (H, W, 3) colours, and which pixels of (H, W) are opaque."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64)
        scale = 255 / 65535 if values.max() > 255 else 1.0
        grey = np.clip(values * scale + 0.5, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2), np.ones(grey.shape, np.bool_)
    pixels = np.asarray(image.convert("RGBA"))
    return pixels[..., :3], pixels[..., 3] >= BINARY_FROM


def _is_black_and_white(pixels: Grey) -> bool:
    low, high = _BETWEEN
    grey = np.ptp(pixels.astype(np.int16), axis=2).max() <= _APART
    level = pixels.mean(axis=2)
    between = float(((level >= low) & (level < high)).mean())
    outer = float((level < low).mean()), float((level >= high).mean())
    return bool(grey and min(outer) > 0 and between < _FEW and between < max(outer))


def _from_colours(pixels: Grey, name: str, refused: MaskError, *, exact: bool) -> Understood:
    """Give each pixel to one of the flat colours: its own, or that of the nearest flat pixel."""
    noise, apart = (0, 0) if exact else (_NOISE, _APART)
    flat = _flat_colours(pixels, noise, apart)
    if len(flat) < 2 or len(flat) > _MOST_COLOURS:
        raise refused
    number = np.zeros(pixels.shape[:2], np.int32)  # of the flat colour, from 1; 0 is unknown
    for index, colour in enumerate(flat, 1):
        like = _distance(pixels, colour) <= noise
        solid = cv2.erode(like.astype(np.uint8), _BLOCK)
        number[like & (cv2.dilate(solid, np.ones((5, 5), np.uint8)) > 0)] = index
    unknown = number == 0
    if unknown.mean() > 1 - _COVERED:
        raise refused
    nearest = ndimage.distance_transform_edt(unknown, return_distances=False, return_indices=True)
    number = number[tuple(nearest)]
    ids, told = _ids(flat, name)
    changes = list(told)
    if unknown.any():
        soft = int(np.count_nonzero(unknown))
        changes.append(f"{name}: {soft} pixels between flat colours went to the nearest one")
    return Understood(ids[number - 1], tuple(changes))


def _flat_colours(pixels: Grey, noise: int, apart: int) -> list[Grey]:
    """Return the colours that fill a block of 3 x 3 pixels somewhere, the commonest first."""
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    codes, counts = np.unique(packed, return_counts=True)
    common = codes[np.argsort(-counts, kind="stable")][:_MOST_CANDIDATES]
    flat: list[Grey] = []
    for code in common:
        colour = np.array([code >> 16, code >> 8 & 255, code & 255], np.uint8)
        if any(_apart(colour, other) <= apart for other in flat):
            continue
        like = (_distance(pixels, colour) <= noise).astype(np.uint8)
        if cv2.erode(like, _BLOCK, borderValue=0).any():
            flat.append(colour)
        if len(flat) > _MOST_COLOURS:
            break
    return flat


def _ids(flat: Sequence[Grey], name: str) -> tuple[LabelMap, list[str]]:
    """Give each flat colour an id: greys their value, colours that of the palette or a free one."""
    if all(np.ptp(colour) == 0 for colour in flat):
        return np.array([colour[0] for colour in flat], np.uint8), []
    palette = davis_palette()
    ids, told = [], []
    for colour in flat:
        distances = [_apart(colour, one) for one in palette]
        best = int(np.argmin(distances))
        ids.append(best if distances[best] <= _NOISE and best not in ids else -1)
    for place, colour in enumerate(flat):
        if ids[place] < 0:
            ids[place] = next(i for i in range(1, VOID_LABEL) if i not in ids)
            told.append(f"{name}: #{bytes(colour).hex()} became object {ids[place]}")
    return np.array(ids, np.uint8), told


def _distance(pixels: Grey, colour: Grey) -> npt.NDArray[np.int16]:
    return np.asarray(np.abs(pixels.astype(np.int16) - colour.astype(np.int16)).max(axis=2))


def _apart(one: Grey, other: Grey) -> int:
    return int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max())
