"""The pictures and masks of episodes as arrays, as the published programs see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ...datasets.annotations import explained
from ...datasets.episodes import PixelMask, Shot
from ...errors import DatasetError
from ...files.open_picture import open_picture
from ...media.coco_masks import decode_segmentation
from ...structures import RgbImage

SQUARE_SIDE = 518
"""Matcher's: 37 cells of DINOv2. GF-SAM and INSID3 use 1024."""
BoolMask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ShotPicture:
    """A picture (H, W, 3) uint8 RGB with its mask (H, W) bool; ``void`` pixels do not count."""

    image: RgbImage
    mask: BoolMask
    void: BoolMask | None = None


def load_shot(shot: Shot, side: int | None) -> ShotPicture:
    """Read a picture and its mask, cut out what counts, and square both where ``side`` is given.

    The picture is squared as by torchvision's ``Resize`` (bilinear, antialiased), the mask as by
    torch's nearest interpolation. Raises DatasetError for files that cannot be read, that do not
    fit each other, and for an empty crop.
    """
    with _readable(shot):
        picture = _load(shot)
    if shot.crop_xyxy is not None:
        picture = _cropped(picture, shot)
    return picture if side is None else _squared(picture, side)


def _readable(shot: Shot) -> Any:
    return explained(shot.image, "a picture with a mask of its size")


def _load(shot: Shot) -> ShotPicture:
    with open_picture(shot.image, str(shot.image), DatasetError) as file:
        image = file.convert("RGB")
        upright = ImageOps.exif_transpose(file).convert("RGB")
    if isinstance(shot.mask, PixelMask):
        values = _values(shot.mask)
        mask = (values >= shot.mask.low) & (values <= shot.mask.high)
        void = None if shot.mask.void is None else values == shot.mask.void
        # Masks were drawn on pictures as they are stored, or as viewers show them.
        if mask.shape != image.size[::-1] and mask.shape == upright.size[::-1]:
            image = upright
    else:
        void = None
        with explained(shot.mask.source, "polygons, run lengths or arrays of the picture's size"):
            mask = union_of_shapes(shot.mask.segmentations, (image.height, image.width))
    if mask.shape != image.size[::-1]:
        raise ValueError(f"mask {mask.shape[::-1]} for a picture {image.size}")
    return ShotPicture(np.asarray(image), mask, void)


def _values(mask: PixelMask) -> npt.NDArray[Any]:
    name = str(mask.path)
    with (
        explained(mask.path, "a readable mask"),
        open_picture(mask.path, name, DatasetError) as file,
    ):
        values = np.asarray(file.convert("L") if mask.grey else file)
        if values.ndim != 2:
            raise ValueError(f"{values.ndim} dimensions")
        return values


def union_of_shapes(segmentations: Sequence[Any], size_hw: tuple[int, int]) -> BoolMask:
    """Return the (H, W) union of masks in COCO's forms: polygons, run lengths, arrays.

    Raises DatasetError where pycocotools is not installed, ValueError for other forms and sizes.
    """
    union = np.zeros(size_hw, np.bool_)
    for one in segmentations:
        mask = _shape(one, size_hw)
        if mask.shape != size_hw:
            raise ValueError(f"a mask of {mask.shape} for a picture of {size_hw}")
        union |= mask
    return union


def _shape(segmentation: Any, size_hw: tuple[int, int]) -> BoolMask:
    if isinstance(segmentation, np.ndarray):
        return np.asarray(segmentation != 0)
    try:
        return decode_segmentation(segmentation, size_hw)
    except ImportError:
        raise DatasetError(
            "polygons",
            got="no pycocotools",
            expected="it, to read them",
            remedy="pip install 'persam-vos[export]'",
        ) from None


def _cropped(picture: ShotPicture, shot: Shot) -> ShotPicture:
    assert shot.crop_xyxy is not None
    x0, y0, x1, y1 = shot.crop_xyxy
    part = (slice(max(y0, 0), max(y1, 0)), slice(max(x0, 0), max(x1, 0)))
    cropped = ShotPicture(
        picture.image[part],
        picture.mask[part],
        None if picture.void is None else picture.void[part],
    )
    if not cropped.mask.size:
        raise DatasetError(
            f"{shot.image}",
            got=f"an object's box {shot.crop_xyxy} outside of it, or empty",
            expected="a box with a pixel or more",
        )
    return cropped


def _squared(picture: ShotPicture, side: int) -> ShotPicture:
    image = Image.fromarray(picture.image).resize((side, side), Image.Resampling.BILINEAR)
    rows, columns = (nearest_indices(extent, side) for extent in picture.mask.shape)
    squared = replace(picture, image=np.asarray(image), mask=picture.mask[rows][:, columns])
    return (
        squared if picture.void is None else replace(squared, void=picture.void[rows][:, columns])
    )


def nearest_indices(extent: int, side: int) -> npt.NDArray[np.int64]:
    """Return the ``side`` rows that torch's nearest interpolation takes of ``extent``."""
    scale = np.float32(extent) / np.float32(side)  # in its precision, which decides at whole rows
    indices = np.floor(np.arange(side, dtype=np.float32) * scale).astype(np.int64)
    return np.asarray(np.minimum(indices, extent - 1))
