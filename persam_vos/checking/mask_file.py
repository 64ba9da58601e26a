"""What kind of file a mask is in, and what it holds before it is brought to the frames."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ImageOps

from ..errors import MaskError
from ..files.open_picture import UNREADABLE, open_picture
from ..media.label_colours import find_label_map, read_label_colours
from ..media.label_png import read_label_map
from ..media.reference_masks import no_foreground
from ..scoring import VOID_LABEL
from ..scoring.label_files import present_ids
from ..structures import LabelMap
from .soft_masks import understand

_KINDS = {"1": "black and white", "P": "palette", "PA": "palette with transparency"}
_KINDS |= {"L": "grey", "LA": "grey with transparency", "F": "floating-point grey"}
_KINDS |= {"RGB": "colour", "RGBA": "colour with transparency"}


@dataclass(frozen=True, slots=True)
class MaskFile:
    """One file of masks; produced by `read_mask_file`, consumed by `mask_findings` and reports.

    ``kind`` says in words what sort of image it is, empty for no image; ``size_hw`` is upright, in
    pixels. ``values`` counts the different values or colours of its pixels. ``ids`` are the labels
    that are understood, before any is chosen or dropped, and ``void_px`` the pixels of label 255
    beside others. ``problem`` is why the file cannot be used as it is, and ``fixable`` tells
    whether a clean mask can be made of it nevertheless.
    """

    path: str
    kind: str = ""
    size_hw: tuple[int, int] | None = None
    values: int = 0
    ids: tuple[int, ...] = ()
    void_px: int = 0
    problem: MaskError | None = None
    fixable: bool = False


def read_mask_file(path: Path, label_map: Path | None = None) -> MaskFile:
    """Look at a mask file, read by a label map if there is one; what is wrong is in ``problem``."""
    labels, problem = None, None
    try:
        known = label_map or find_label_map(path)
        colours = None if known is None else read_label_colours(known)
        labels = read_label_map(path, colours=colours)
        if not labels.any():
            problem = no_foreground(str(path))
    except MaskError as error:
        problem = error
    kind, size_hw, values = _image_facts(path)
    return MaskFile(
        path=str(path),
        kind=kind,
        size_hw=size_hw if labels is None else (labels.shape[0], labels.shape[1]),
        values=values,
        ids=() if labels is None else tuple(sorted(present_ids(labels))),
        void_px=0 if labels is None else _void_px(labels),
        problem=problem,
        fixable=problem is not None and _is_fixable(path, problem),
    )


def _image_facts(path: Path) -> tuple[str, tuple[int, int] | None, int]:
    """Return what kind of image it is in words, its size, and its number of values."""
    if path.suffix.lower() == ".npy":
        return "NumPy array", None, 0
    try:
        with open_picture(path, str(path), MaskError) as image:
            kind = "deep grey" if image.mode.startswith("I") else _KINDS.get(image.mode, image.mode)
            upright = ImageOps.exif_transpose(image)
            size_hw = (upright.height, upright.width)
            return f"{kind} {image.format}", size_hw, _count_values(np.asarray(upright))
    except UNREADABLE:
        return "TIFF" if path.suffix.lower() in (".tif", ".tiff") else "", None, 0


def _void_px(labels: LabelMap) -> int:
    values, counts = np.unique(labels, return_counts=True)
    beside = len(values[values > 0]) > 1 and values[-1] == VOID_LABEL
    return int(counts[-1]) if beside else 0


def _is_fixable(path: Path, problem: MaskError) -> bool:
    with contextlib.suppress(MaskError):
        understand(path, problem)
        return True
    return False


def _count_values(pixels: np.ndarray) -> int:
    if pixels.ndim == 2:
        return len(np.unique(pixels))
    shifts = np.array([1 << 8 * channel for channel in range(pixels.shape[2])], dtype=np.uint64)
    return len(np.unique(pixels.astype(np.uint64) @ shifts))
