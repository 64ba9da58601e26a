"""Masks of photos: files of the same names, or the photos' own alpha; all are checked at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ..errors import MaskError, PersamVosError, UsageError, param
from ..files.open_picture import FAILURES, open_picture
from ..media.image_file import frame_name, read_header
from ..media.label_png import labels_of
from ..structures import LabelMap
from .transforms import SoftMask


def shared_stems(photos: Sequence[Path]) -> list[str]:
    """Say which photos would have the same mask, ``a.jpg and a.png share a name``."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    for photo in photos:
        by_stem[frame_name(photo).casefold()].append(photo.name)
    return [f"{' and '.join(names)} share a name" for names in by_stem.values() if len(names) > 1]


def read_masks(photos: Sequence[Path], folder: Path, *, allow_empty: bool) -> list[SoftMask]:
    """Read ``folder/STEM.png`` of each photo, as `read_soft_mask` does.

    Raises UsageError that lists all masks which are missing, no images, of another size than their
    photo or, unless ``allow_empty``, empty.
    """
    if not folder.is_dir():
        raise UsageError(
            param("masks_dir", folder),
            got="no such folder",
            expected="a folder with a mask for each photo",
            remedy="make one by: persam-vos dreambooth prepare",
        )
    masks, problems = [], shared_stems(photos)
    for photo in photos:
        path = folder / f"{frame_name(photo)}.png"
        try:
            masks.append(_checked(read_soft_mask(path), photo, path.name, allow_empty=allow_empty))
        except PersamVosError as error:
            problems.append(_short(error))
    if problems:
        raise UsageError(
            param("masks_dir", folder),
            got="; ".join(problems),
            expected="a PNG for each photo, of its name and size, white on the subject",
            remedy=f"make them anew, or {_without_empty()}",
        )
    return masks


def read_alphas(photos: Sequence[Path], *, allow_empty: bool) -> list[SoftMask]:
    """Read the alpha of each photo as its mask.

    Raises UsageError that lists all photos which have none or, unless ``allow_empty``, are
    transparent everywhere.
    """
    masks, problems = [], []
    for photo in photos:
        try:
            masks.append(_checked(_read_alpha(photo), photo, photo.name, allow_empty=allow_empty))
        except PersamVosError as error:
            problems.append(_short(error))
    if problems:
        raise UsageError(
            param("alpha_mask"),
            got="; ".join(problems),
            expected="photos that are opaque on the subject and transparent elsewhere",
            remedy=f"give masks by {param('masks_dir')}, or {_without_empty()}",
        )
    return masks


def read_shown(path: Path, photo: Path) -> LabelMap:
    """Read a mask that shows the subject of a photo as labels, (H, W) uint8 with 1 on the subject.

    Grey counts from half white on. Raises UsageError for a mask that cannot be read, is empty, or
    of another size than the photo.
    """
    try:
        mask = _checked(read_soft_mask(path), photo, path.name, allow_empty=False)
    except MaskError as error:
        raise UsageError(
            param("mask", path),
            got=error.got,
            expected=error.expected or "white on the subject",
            remedy="draw it anew: persam-vos mask makes one of a box or a point",
        ) from error
    return np.asarray(mask >= 0.5, np.uint8)


def read_soft_mask(path: Path) -> SoftMask:
    """Read a mask file, upright, as (H, W) float32 in [0, 1].

    Grey levels of 8 or 16 bits are weights, white is 1; of colours the red one counts, as in
    kohya's scripts. Palette and black and white images are labels, of which all but 0 are the
    subject; so is grey of 0 and 1 alone. Raises MaskError for what is no image.
    """
    try:
        with open_picture(path, str(path), MaskError) as image:
            return _weights(ImageOps.exif_transpose(image), path)
    except FAILURES as error:
        missing = isinstance(error, FileNotFoundError)
        raise MaskError(
            str(path),
            got="missing" if missing else "no image that can be read",
            expected="a PNG",
        ) from error


def _weights(image: Image.Image, path: Path) -> SoftMask:
    if image.mode in ("1", "P", "PA"):
        return np.asarray(labels_of(image, str(path), []) > 0, np.float32)
    if image.mode.startswith("I"):
        levels: npt.NDArray[np.generic] = np.asarray(image)
        return (levels.astype(np.float32) / 65535).clip(0, 1)
    levels = np.asarray(image.convert("RGB").getchannel(0))
    return levels.astype(np.float32) / np.float32(1 if levels.max() == 1 else 255)


def _read_alpha(photo: Path) -> SoftMask:
    try:
        with open_picture(photo, str(photo)) as image:
            if not image.has_transparency_data:
                raise MaskError(str(photo), got="no transparency", expected="an alpha channel")
            alpha = ImageOps.exif_transpose(image.convert("RGBA")).getchannel("A")
    except FAILURES as error:
        raise MaskError(str(photo), got="no alpha that can be read", expected="a PNG") from error
    return np.asarray(alpha, np.float32) / np.float32(255)


def _checked(mask: SoftMask, photo: Path, name: str, *, allow_empty: bool) -> SoftMask:
    """Return a mask; raises MaskError for one of another size than its photo, and an empty one."""
    height, width = read_header(photo).size_hw
    if mask.shape != (height, width):
        raise MaskError(
            name,
            got=f"{mask.shape[1]} x {mask.shape[0]}",
            expected=f"{width} x {height} as {photo.name} is when it is upright",
        )
    if not allow_empty and not mask.any():
        raise MaskError(name, got="an empty mask")
    return mask


def _short(error: PersamVosError) -> str:
    """Say in a list what is wrong with a mask."""
    name = Path(error.problem).name
    return f"{name} is {error.got}" + (f", not {error.expected}" if error.expected else "")


def _without_empty() -> str:
    return f"leave photos with empty masks out by {param('skip_empty', True)}"
