"""From pixel values to object ids: what people mean by the masks they draw."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import MaskError, param
from ..scoring.palette import davis_palette
from ..structures import LabelMap

BINARY_FROM = 128
"""A grey mask whose only value beside 0 is at least this is black and white: one object, id 1."""
COLOUR_TOLERANCE = 2
"""Palette colours differ by 32 or more; some programs write 191 for 192."""
SOFT = "threshold the mask at 128, or export it without anti-aliasing"
ONE_FILE_EACH = (
    "save an indexed PNG, or one black and white file for each object (1=a.png 2=b.png), or say "
    f"which colour is which by {param('label_map')}"
)

Integers = npt.NDArray[np.integer]


def labels_from_array(
    array: npt.NDArray[np.generic], name: str = "mask array", warnings: list[str] | None = None
) -> LabelMap:
    """Understand an array as labels (H, W): bool is object 1, integers as in a grey image.

    Axes of length 1 do not count, and (H, W, 3) uint8 are colours, see ``ids_from_rgb``. Floats are
    ids where they are whole; those in [0, 1] are shares, and object 1 from 0.5 on, which is added
    to ``warnings``. Raises MaskError for another shape, or values that cannot be ids.
    """
    if array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8:
        return ids_from_rgb(np.asarray(array, np.uint8), name)
    flat = array.squeeze() if array.ndim > 2 else array
    if flat.ndim != 2 or flat.size == 0:
        raise MaskError(
            name,
            got=f"shape {array.shape}",
            expected="a filled array of shape (H, W)",
            remedy="pass one two-dimensional label map",
        )
    if flat.dtype == np.bool_:
        return np.asarray(flat, dtype=np.uint8)
    if np.issubdtype(flat.dtype, np.floating):
        with np.errstate(all="ignore"):  # what is no number is refused there
            values = np.asarray(flat, dtype=np.float64)
        return _labels_from_floats(values, name, warnings)
    if not np.issubdtype(flat.dtype, np.integer):
        raise MaskError(
            name,
            got=f"{flat.dtype} values",
            expected="bool, integer or float labels",
            remedy="threshold it first, for example mask > 0.5",
        )
    return ids_from_grey(np.asarray(flat, dtype=flat.dtype), name)


def _labels_from_floats(
    values: npt.NDArray[np.float64], name: str, warnings: list[str] | None
) -> LabelMap:
    """Understand floats as ids, or as shares of one object."""
    if np.array_equal(values, np.rint(values)) and np.abs(values).max(initial=0) < 1 << 32:
        if values.max(initial=0) <= 1 and values.min(initial=0) >= 0:
            return np.asarray(values, dtype=np.uint8)
        return ids_from_grey(values.astype(np.int64), name)
    if not (values.min() >= 0 and values.max() <= 1):  # so that nan is refused too
        raise MaskError(
            name,
            got=f"floats from {values.min():g} to {values.max():g}",
            expected="whole numbers, or shares from 0 to 1",
            remedy="threshold it first, for example mask > 0.5",
        )
    if warnings is not None:
        warnings.append(f"{name}: from 0.5 on, shares are taken for the object")
    return np.asarray(values >= 0.5, dtype=np.uint8)


def ids_from_grey(grey: Integers, name: str) -> LabelMap:
    """Understand (H, W) grey values as object ids.

    One value of 128 or more beside 0 is a black and white mask: object 1. Otherwise values are
    ids. Raises MaskError for soft edges and for values that are not in 0 to 255.
    """
    levels, level_map = levels_of(grey)
    check_flat(levels, level_map, name)
    if levels[0] >= 0 and levels[-1] >= BINARY_FROM and np.count_nonzero(levels) == 1:
        return np.asarray(grey != 0, dtype=np.uint8)
    if levels[0] < 0 or levels[-1] > 255:
        worst = levels[0] if levels[0] < 0 else levels[-1]
        raise MaskError(
            name,
            got=f"{np.count_nonzero(levels)} labels, one of them {worst}",
            expected="labels from 1 to 255 on a background of 0",
            remedy="renumber the objects, or leave some out",
        )
    return np.asarray(grey, dtype=np.uint8)


def levels_of(values: Integers) -> tuple[Integers, Integers]:
    """Return the distinct values, ascending, and an array like ``values`` of indices into them."""
    if values.dtype != np.uint8:
        levels, inverse = np.unique(values, return_inverse=True)
        return levels, inverse.reshape(values.shape)
    # A table is twenty times as fast as sorting.
    levels = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    table = np.zeros(256, dtype=np.uint8)
    table[levels] = np.arange(len(levels))
    return levels, table[values]


def ids_from_rgb(rgb: npt.NDArray[np.uint8], name: str) -> LabelMap:
    """Understand (H, W, 3) colours as object ids, by the DAVIS palette.

    Grey pictures go by ``ids_from_grey``; black and one other colour are one object, id 1, unless
    that colour is in the palette. Raises MaskError for colours that are not.
    """
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 0], rgb[..., 2]):
        return ids_from_grey(rgb[..., 0], name)
    packed = rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    codes, code_map = levels_of(packed)
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.int16)
    if len(codes) > 256:
        raise off_palette(name, len(codes), "soft edges or a photograph", SOFT)
    distance = np.abs(colours[:, None] - davis_palette()[None].astype(np.int16)).max(axis=2)
    ids = distance.argmin(axis=1).astype(np.uint8)
    strange = np.flatnonzero(distance.min(axis=1) > COLOUR_TOLERANCE)
    if len(codes) == 2 and codes[0] == 0 and len(strange):
        ids = np.array([0, 1], dtype=np.uint8)
    elif len(strange):
        check_flat(codes, code_map, name)
        example = f"such as #{int(codes[strange[0]]):06x}"
        raise off_palette(name, len(strange), example, ONE_FILE_EACH)
    return np.asarray(ids[code_map], dtype=np.uint8)


def off_palette(name: str, count: int, example: str, remedy: str) -> MaskError:
    """Say that a colour mask has colours that stand for no object."""
    return MaskError(
        name,
        got=f"{count} colours outside the DAVIS palette ({example})",
        expected="one flat colour of that palette for each object",
        remedy=remedy,
    )


def ids_from_transparent(
    pixels: npt.NDArray[np.uint8],
    alpha: npt.NDArray[np.uint8],
    name: str,
    warnings: list[str] | None = None,
) -> LabelMap:
    """Understand grey (H, W) or colours (H, W, 3) with alpha: transparent pixels are background.

    Where what is opaque are no labels, such as a cut-out photo or something black on transparent
    ground, alpha itself is the mask, from 128 on, which is added to ``warnings``. Raises MaskError
    where labels are only half opaque, and what ``ids_from_grey`` and ``ids_from_rgb`` raise.
    """
    understand = ids_from_grey if pixels.ndim == 2 else ids_from_rgb
    opaque = alpha >= BINARY_FROM
    shown = pixels * (opaque if pixels.ndim == 2 else opaque[..., None])
    labels, error = None, None
    try:
        labels = understand(shown, name)
    except MaskError as problem:
        error = problem
    empty = labels is not None and not labels.any()
    if opaque.any() and not opaque.all() and (empty or error is not None):
        if warnings is not None:
            warnings.append(f"{name}: what is opaque, from alpha 128 on, is taken for the object")
        return opaque.astype(np.uint8)
    if labels is None:
        assert error is not None
        raise error
    if np.any((alpha > 0) & (alpha < 255)):
        raise MaskError(
            name,
            got=f"soft transparency with {len(np.unique(alpha))} levels",
            expected="pixels that are opaque or transparent",
            remedy=SOFT,
        )
    return labels


def check_flat(levels: Integers, level_map: Integers, name: str) -> None:
    """Raise MaskError when values blend into each other, as at anti-aliased or lossy edges.

    A level is soft when it nowhere fills a 3 x 3 block, and most of its pixels lie between a lower
    and a higher neighbour: objects do not look like that, ramps do. ``level_map`` (H, W) indexes
    ``levels``, which ascend. Single thin objects between others are let pass.
    """
    foreground = int(np.count_nonzero(levels))
    if foreground < 2:
        return
    # 32-bit floats hold every index exactly, and are the widest that morphology takes.
    height = level_map.astype(np.float32)
    block = np.ones((3, 3), dtype=np.uint8)
    lowest, highest = cv2.erode(height, block), cv2.dilate(height, block)
    solid = level_map[lowest == highest]
    ramp = np.bincount(level_map[(lowest < height) & (height < highest)], minlength=len(levels))
    total = np.bincount(level_map.ravel(), minlength=len(levels))
    soft = 2 * ramp > total
    soft[solid] = False
    count = int(np.count_nonzero(soft))
    needed = 1 if levels[-1] in (255, 65535) else 2
    if count >= needed and 3 * count >= foreground:
        raise MaskError(
            name,
            got=f"soft edges ({len(levels)} levels, {count} of them only along boundaries)",
            expected="one flat value for each object",
            remedy=SOFT,
        )
