"""Label maps in files: reading whatever kind people have, writing indexed PNG."""

from __future__ import annotations

import logging
import tokenize
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import MaskError
from ..files.atomic import atomic_path, make_folder
from ..files.limits import MAX_PIXELS, check_pixels
from ..files.open_picture import FAILURES, open_picture
from ..scoring.palette import davis_palette
from ..structures import LabelMap
from .label_colours import Rgb, ids_from_colours
from .label_values import (
    check_flat,
    ids_from_grey,
    ids_from_rgb,
    ids_from_transparent,
    labels_from_array,
    levels_of,
)

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else it prints what it raises
_PALETTE = davis_palette().tobytes()
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NUMPY = b"\x93NUMPY"


def read_label_map(
    path: str | Path,
    warnings: list[str] | None = None,
    *,
    colours: Mapping[Rgb, str] | None = None,
) -> LabelMap:
    """Read a mask file as (H, W) uint8 object ids; 0 is background, and may be all there is.

    Indexed images: the indices are the ids (but plain black and white is object 1, whichever way
    round its palette is). Grey of 8 or 16 bits, with or without alpha: see ``ids_from_grey``.
    Colour: see ``ids_from_rgb``, or by ``colours`` of a label map. Transparent pixels are
    background; where alpha alone tells an object from it, alpha is the mask. TIFF and NumPy files
    of any type: see ``labels_from_array``. What had to be guessed is added to ``warnings``. Raises
    MaskError.
    """
    path, told = Path(path), warnings if warnings is not None else []
    try:
        with path.open("rb") as file:
            head = file.read(6)
        if head == _NUMPY:
            return labels_from_array(_numpy_values(path), str(path), told)
        if head[:4] in _TIFF and (values := _tiff_values(path)) is not None:
            return labels_from_array(values, str(path), told)
        with open_picture(path, str(path), MaskError) as image:
            if image.format in ("JPEG", "MPO", "JPEG2000"):
                raise MaskError(
                    str(path),
                    got=f"a {image.format} file, whose lossy compression smears labels",
                    expected="a PNG",
                    remedy="export the mask as PNG from where it was drawn",
                )
            return labels_of(ImageOps.exif_transpose(image), str(path), told, colours)
    except FAILURES as error:
        raise MaskError(
            str(path),
            got=_why_unreadable(error),
            expected="a PNG with one flat value for each object",
            remedy=MAX_PIXELS.remedy
            if isinstance(error, Image.DecompressionBombError)
            else "check the path, or export the mask again",
        ) from error


def labels_of(
    image: Image.Image, name: str, warnings: list[str], colours: Mapping[Rgb, str] | None = None
) -> LabelMap:
    """Understand an open image of any mode as object ids; raises MaskError."""
    if image.mode in ("P", "PA") and not colours:
        return _labels_of_indexed(image, name)
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    if image.mode == "L" or image.mode.startswith("I"):
        return ids_from_grey(np.asarray(image), name)
    if image.mode == "F":
        return labels_from_array(np.asarray(image), name, warnings)
    if image.mode == "LA":
        pixels = np.asarray(image)
        return ids_from_transparent(pixels[..., 0], pixels[..., 1], name, warnings)
    if image.mode == "RGBA" and not colours:
        pixels = np.asarray(image)
        return ids_from_transparent(pixels[..., :3], pixels[..., 3], name, warnings)
    if image.mode in ("RGB", "RGBA", "P", "PA"):
        pixels = np.asarray(image.convert("RGB"))
        if not colours:
            return ids_from_rgb(pixels, name)
        labels, who = ids_from_colours(pixels, colours, name)
        warnings.append(f"{name}: by its label map, object {who}")
        return labels
    raise MaskError(
        name,
        got=f"an image of mode {image.mode}",
        expected="an indexed, grey or RGB image",
        remedy="export the mask as an indexed or grey PNG",
    )


def _numpy_values(path: Path) -> np.ndarray:
    """Return the array of a NumPy file, which must hold as much as its header says."""
    try:
        with np.errstate(all="ignore"):  # of sides whose product is too large
            values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (tokenize.TokenError, RecursionError, MemoryError) as error:  # of a header like code
        raise ValueError("no header of an array") from error
    check_pixels(str(path), (values.size, 1), MaskError)
    return np.array(values)


def _tiff_values(path: Path) -> np.ndarray | None:
    """Return the stored values of a TIFF, of whatever type; None for what tifffile cannot read.

    Pillow and OpenCV would show what "white is zero" means on paper: bool arrays come inverted.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            check_pixels(str(path), (tiff.series[0].size, 1), MaskError)
            return np.asarray(tiff.asarray())
    except FAILURES:
        return None


def _labels_of_indexed(image: Image.Image, name: str) -> LabelMap:
    indices = np.array(image if image.mode == "P" else image.getchannel(0))
    palette = np.array(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
    used, level_map = levels_of(indices)
    if used[-1] >= len(palette) or np.ptp(palette[used].astype(int), axis=1).any():
        return indices
    # All greys: perhaps a grey mask that a program saved with fewer colours.
    greys = palette[used, 0]
    if set(greys.tolist()) <= {0, 255} and len(set(greys.tolist())) == 2:
        return np.asarray((greys != 0)[level_map], dtype=np.uint8)
    check_flat(*levels_of(greys[level_map]), name)
    return indices


def _why_unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "a folder"
    if isinstance(error, UnidentifiedImageError):
        return "a file that is not an image"
    words = getattr(error, "strerror", None) or str(error)
    return f"a file that cannot be read as an image ({words})"


def write_label_png(path: str | Path, label_map: LabelMap) -> None:
    """Write (H, W) uint8 ids as an indexed PNG with the DAVIS palette, whole or not at all.

    Raises OutputError.
    """
    image = Image.fromarray(np.ascontiguousarray(label_map))
    image.putpalette(_PALETTE)
    _save(Path(path), image)


def write_grey_png(path: Path, grey: npt.NDArray[np.uint8]) -> None:
    """Write (H, W) uint8 as a grey PNG, whole or not at all, into a folder made if need be.

    Raises OutputError.
    """
    make_folder(path.parent)
    _save(path, Image.fromarray(np.ascontiguousarray(grey)))


def _save(path: Path, image: Image.Image) -> None:
    with atomic_path(path) as temporary:
        # Labels are flat: looking for runs alone takes half the time of the default, for files of
        # the same size.
        image.save(temporary, format="PNG", compress_type=zlib.Z_RLE)
