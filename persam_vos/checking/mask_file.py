"""What kind of file a mask is in, and what it holds before it is understood as ids."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import MaskError
from ..media.label_png import read_label_map
from ..media.reference_masks import no_foreground
from ..scoring import VOID_LABEL
from ..structures import LabelMap
from .soft_masks import understand


@dataclass(frozen=True, slots=True)
class MaskFile:
    """One file of masks; produced by `read_mask_file`, consumed by `mask_findings` and reports.

    ``kind`` says in words what sort of image it is, ``size_hw`` is upright. ``values`` counts the
    different values of pixels, or colours. ``alpha`` tells whether it has transparent pixels.
    ``ids`` are those that are understood, ``void_px`` the pixels of label 255 beside other labels.
    ``problem`` is why it cannot be used as it is; then nothing but ``path`` may be known, and
    ``fixable`` tells whether a clean mask can be made of it.
    """

    path: str
    kind: str = ""
    size_hw: tuple[int, int] | None = None
    values: int = 0
    alpha: bool = False
    ids: tuple[int, ...] = ()
    void_px: int = 0
    problem: MaskError | None = None
    fixable: bool = False


def read_mask_file(path: Path) -> MaskFile:
    """Look at a mask file; what is wrong with it is in ``problem``."""
    labels, problem = None, None
    try:
        labels = read_label_map(path)
    except MaskError as error:
        problem = error
    try:
        with Image.open(path) as image:
            kind = _kind(image)
            return _describe(path, kind, ImageOps.exif_transpose(image), labels, problem)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return MaskFile(str(path), problem=problem)


def _describe(
    path: Path, kind: str, image: Image.Image, labels: LabelMap | None, problem: MaskError | None
) -> MaskFile:
    pixels = np.asarray(image)
    ids = () if labels is None else tuple(int(i) for i in np.unique(labels) if i)
    if labels is not None and not ids:
        problem = no_foreground(str(path))
    return MaskFile(
        path=str(path),
        kind=kind,
        size_hw=(image.height, image.width),
        values=_count_values(pixels),
        alpha=image.mode in ("LA", "RGBA", "PA") and bool((pixels[..., -1] < VOID_LABEL).any()),
        ids=ids,
        fixable=problem is not None and _is_understood(path),
        void_px=int(np.count_nonzero(pixels == VOID_LABEL)) if _has_void(image, pixels) else 0,
        problem=problem,
    )


def _is_understood(path: Path) -> bool:
    with contextlib.suppress(MaskError):
        understand(path)
        return True
    return False


def _kind(image: Image.Image) -> str:
    words = {"1": "black and white", "P": "palette", "PA": "palette with transparency"}
    words |= {"L": "grey", "LA": "grey with transparency", "RGB": "colour"}
    words |= {"RGBA": "colour with transparency", "F": "floating-point grey"}
    kind = words.get(image.mode, "deep grey" if image.mode.startswith("I") else image.mode)
    return f"{kind} {image.format}"


def _has_void(image: Image.Image, pixels: np.ndarray) -> bool:
    """Whether 255 stands beside other labels above 0, as void does; alone it is an object."""
    if image.mode not in ("P", "L"):
        return False
    values = np.unique(pixels)
    return len(values) > 2 and values[0] == 0 and values[-1] == VOID_LABEL


def _count_values(pixels: np.ndarray) -> int:
    if pixels.ndim == 2:
        return len(np.unique(pixels))
    shifts = np.array([1 << 8 * channel for channel in range(pixels.shape[2])], dtype=np.uint64)
    return len(np.unique(pixels.astype(np.uint64) @ shifts))
