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
from ..files.open_picture import FAILURES, open_picture
from ..media.label_values import BINARY_FROM
from ..scoring import VOID_LABEL
from ..scoring.palette import davis_palette
from ..structures import LabelMap

_BETWEEN = (64, 192)  # greys that are neither black nor white
_FEW = 0.2  # at most this fraction of a black and white mask is between the two
_LOSSY = ("JPEG", "MPO", "JPEG2000", "WEBP")
_NOISE = 8  # what JPEG adds to a flat colour, in levels of a channel
_APART = 40  # colours of two objects differ by more, in levels of a channel
_MOST_COLOURS = 64
_LEAST_FLAT = 0.5  # of a mask; less is a photograph
_BLOCK = np.ones((3, 3), np.uint8)
_NEARBY = np.ones((15, 15), np.uint8)  # outlines are no softer than seven pixels to each side
_FAR = 256  # more than two colours can differ

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
        with open_picture(path, name, MaskError) as image:
            lossy = image.format in _LOSSY
            pixels, opaque = _eight_bits(ImageOps.exif_transpose(image))
    except FAILURES:
        raise refused from None
    pixels = np.where(opaque[..., None], pixels, 0).astype(np.uint8)
    if _is_black_and_white(pixels):
        white = pixels.mean(axis=2) >= BINARY_FROM
        return Understood(white.astype(np.uint8), (f"{name}: its greys were cut at {BINARY_FROM}",))
    return _from_colours(pixels, name, refused, lossy=lossy)


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


def _from_colours(pixels: Grey, name: str, refused: MaskError, *, lossy: bool) -> Understood:
    """Give each pixel to the flat colour nearby that is most like it."""
    noise, apart = (_NOISE, _APART) if lossy else (0, 0)
    around = cv2.dilate(pixels, _BLOCK).astype(np.int16) - cv2.erode(pixels, _BLOCK)
    flat = np.asarray(around.max(axis=2) <= noise)
    colours = _colours(pixels[flat], apart) if flat.mean() >= _LEAST_FLAT else []
    if not 2 <= len(colours) <= _MOST_COLOURS:
        raise refused
    number = np.zeros(flat.shape, np.int64)
    least = np.full(flat.shape, _FAR, np.int16)  # distance to the colour of that number
    for index, colour in enumerate(colours):
        distance = _distance(pixels, colour)
        nearby = cv2.dilate((flat & (distance <= noise)).astype(np.uint8), _NEARBY) > 0
        better = nearby & (distance < least)
        number[better], least[better] = index, distance[better]
    if (least <= noise).mean() < _LEAST_FLAT:
        raise refused
    nearest = ndimage.distance_transform_edt(
        least == _FAR, return_distances=False, return_indices=True
    )
    number = number[tuple(nearest)]
    ids, changes = _ids(colours, number, name)
    mixed = int(np.count_nonzero(least > noise))
    if mixed:
        changes.append(f"{name}: {mixed} pixels of mixed colours went to the one most like them")
    return Understood(ids[number], tuple(changes))


def _colours(flat: Grey, apart: int) -> list[Grey]:
    """Return the distinct colours of (N, 3) pixels from flat areas, the commonest first."""
    packed = flat.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    _, first, counts = np.unique(packed, return_index=True, return_counts=True)
    found: list[Grey] = []
    for place in first[np.argsort(-counts, kind="stable")]:
        if all(_apart(flat[place], other) > apart for other in found):
            found.append(flat[place])
        if len(found) > _MOST_COLOURS:
            break
    return found


def _ids(
    colours: Sequence[Grey], number: npt.NDArray[np.int_], name: str
) -> tuple[LabelMap, list[str]]:
    """Give each colour an id: greys their value, others that of the palette or a free one.

    ``number`` (H, W) says where each colour is: free ids go from left to right.
    """
    if all(np.ptp(colour) == 0 for colour in colours):
        return np.array([colour[0] for colour in colours], np.uint8), []
    ids, told, palette = np.zeros(len(colours), np.uint8), [], davis_palette()
    distances = [np.array([_apart(colour, one) for one in palette]) for colour in colours]
    known = [int(one.argmin()) if one.min() <= _NOISE else -1 for one in distances]
    strange = [place for place, found in enumerate(known) if found < 0]
    for place in sorted(strange, key=lambda place: float(np.nonzero(number == place)[1].mean())):
        known[place] = next(i for i in range(1, VOID_LABEL) if i not in known)
        told.append(f"{name}: #{bytes(colours[place]).hex()} became object {known[place]}")
    ids[:] = known
    return ids, told


def _distance(pixels: Grey, colour: Grey) -> npt.NDArray[np.int16]:
    return np.asarray(np.abs(pixels.astype(np.int16) - colour.astype(np.int16)).max(axis=2))


def _apart(one: Grey, other: Grey) -> int:
    return int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max())
