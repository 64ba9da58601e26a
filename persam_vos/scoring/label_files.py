"""Label maps from PNG files, read strictly: what is not a label map is refused by name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..errors import ScoringError
from ..files.open_picture import FAILURES, open_picture
from ..structures import LabelMap
from .palette import ids_of_colours

_REMEDY = "write label maps as palette or greyscale PNG files"


def list_label_files(folder: Path) -> tuple[Path, ...]:
    """Return the PNG files of a folder by name; hidden files are none. Empty if there are none.

    Raises ScoringError when the folder cannot be listed.
    """
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() == ".png"]
    except OSError as error:
        raise ScoringError(
            f"cannot list {folder}",
            got=error.strerror or str(error),
            expected="a folder of label maps",
            remedy="check the path",
        ) from error
    return tuple(sorted(path for path in files if not path.name.startswith(".")))


def read_label_file(path: Path) -> LabelMap:
    """Return the label map in a PNG file, (H, W) uint8 of object ids.

    Palette indices, grey values of 8 or 16 bits, and the colours of the DAVIS palette are ids;
    two-valued pictures have the id 1; an alpha channel is left out (DAVIS publishes one such
    annotation). Raises ScoringError, naming the file, when it is not there, damaged, not a PNG, or
    has other colours or greater values.
    """
    try:
        with open_picture(path, str(path), ScoringError, formats=("PNG",)) as picture:
            mode = picture.mode
            values = np.asarray(picture)
    except FAILURES as error:
        # Pillow names the file again, on a second line or in quotes; the reason alone is enough.
        raise ScoringError(
            f"cannot read {path}",
            got=getattr(error, "strerror", None) or type(error).__name__,
            expected="a whole PNG file",
            remedy=_REMEDY,
        ) from error
    if mode == "LA":
        return np.ascontiguousarray(values[:, :, 0])
    if mode in ("RGB", "RGBA"):
        labels = ids_of_colours(values[:, :, :3])
        if labels is not None:
            return labels
        raise _unusable(path, "colours that are not in the DAVIS palette")
    if mode.startswith("I"):
        if values.max(initial=0) > 255:
            raise _unusable(path, f"a value of {values.max()}")
        return values.astype(np.uint8)
    if mode not in ("P", "L", "1"):
        raise _unusable(path, f"a PNG of mode {mode}")
    return values.astype(np.uint8, copy=False)


def _unusable(path: Path, got: str) -> ScoringError:
    return ScoringError(
        f"cannot use {path}", got=got, expected="object ids from 0 to 255", remedy=_REMEDY
    )


def present_ids(labels: LabelMap) -> frozenset[int]:
    """Return the values other than 0 in a (H, W) uint8 label map."""
    counts = cv2.calcHist([labels], [0], None, [256], [0, 256]).ravel()  # (256,)
    return frozenset((np.flatnonzero(counts[1:]) + 1).tolist())
