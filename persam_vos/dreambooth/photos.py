"""The photos that are trained on: those of the subject with their masks, and those of its class."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ..errors import UsageError, param
from ..media.frame_order import natural_key
from ..media.image_reader import is_image_inside, read_image
from ..structures import RgbImage
from .mask_files import read_alphas, read_masks
from .transforms import (
    SoftMask,
    crop_mask,
    crop_pixels,
    dilate,
    draw_placement,
    resize_mask,
    resize_photo,
    resized_hw,
)


class PhotoCrop(NamedTuple):
    """A square of a photo as it is trained on; produced by ``draw``, consumed by training.

    ``pixels`` are (3, R, R) float32 RGB in [-1, 1], ``mask`` (1, R, R) float32 in [0, 1].
    ``original_size_hw`` is the upright photo's size; ``crop_top_left_yx`` is where the square lies
    in the resized photo, mirrored as the square is: both are conditions of SDXL.
    """

    pixels: torch.Tensor
    mask: torch.Tensor
    original_size_hw: tuple[int, int]
    crop_top_left_yx: tuple[int, int]


class _Resized(NamedTuple):
    image: RgbImage
    mask: SoftMask
    original_size_hw: tuple[int, int]


def find_instance_photos(folder: Path, name: str | None = "instance_data_dir") -> list[Path]:
    """List all photos of a folder, in natural order; hidden files are left out.

    Raises UsageError for a folder that is not there or empty, and one that lists all that is in it
    and no image: it would be trained on, or was put there by mistake. ``name`` is the parameter
    that names the folder, if one does.
    """
    if not folder.is_dir():
        raise _no_photos(name, folder, "no such folder")
    found = sorted((one for one in folder.iterdir() if one.name[0] != "."), key=natural_key)
    strange = [one.name for one in found if not is_image_inside(one)]
    if strange:
        raise UsageError(
            _named(name, folder),
            got=f"what is no image: {', '.join(strange)}",
            expected="nothing but photos",
            remedy="move all else to another folder, masks too",
        )
    if not found:
        raise _no_photos(name, folder, "an empty folder")
    return found


@dataclass(slots=True)
class InstancePhotos:
    """Photos of the subject, read and resized at once, and cropped anew each time.

    ``folder`` holds nothing but photos. ``masks`` is a folder of masks, see `read_masks`, or with
    ``alpha_mask`` photos have their own, see `read_alphas`; with neither all of a photo counts.
    ``mask_dilate`` grows masks by pixels of the photo before it is resized. Photos with an empty
    mask are left out if ``skip_empty``, and listed in ``skipped``; ``files`` are the others.
    ``coverage`` is the share of each photo that its mask covers, in [0, 1], by file name.

    Raises UsageError that lists all files, or all masks, which cannot be used, and MediaError for a
    photo that breaks off.
    """

    folder: Path
    masks: Path | None = None
    alpha_mask: bool = False
    skip_empty: bool = False
    mask_dilate: int = 0
    resolution: int = 512
    center_crop: bool = False
    random_flip: bool = False
    files: tuple[Path, ...] = field(init=False)
    skipped: tuple[Path, ...] = field(init=False)
    coverage: dict[str, float] = field(init=False)
    _photos: list[_Resized] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = find_instance_photos(self.folder)
        masks = self._masks(found)
        shown = [mask is None or bool(mask.any()) for mask in masks]
        self.files = tuple(one for one, is_shown in zip(found, shown, strict=True) if is_shown)
        self.skipped = tuple(one for one in found if one not in self.files)
        if not self.files:
            raise UsageError(
                param("skip_empty"), got="empty masks alone", expected="a mask with a subject"
            )
        self._photos, self.coverage = [], {}
        for path, mask, is_shown in zip(found, masks, shown, strict=True):
            if is_shown:
                self.coverage[path.name] = 1.0 if mask is None else float(mask.mean())
                self._photos.append(_resized(path, self.resolution, self._grown(mask)))

    def __len__(self) -> int:
        return len(self._photos)

    def draw(self, index: int, generator: torch.Generator) -> PhotoCrop:
        """Return a crop of a photo, which depends on ``generator`` alone.

        It shows as much of the subject as a latent's cell covers, at least, or as much as there
        is: see `draw_placement`.
        """
        return _crop(
            self._photos[index],
            self.resolution,
            generator,
            center=self.center_crop,
            random_flip=self.random_flip,
        )

    def _masks(self, photos: list[Path]) -> list[SoftMask] | list[None]:
        if self.masks is not None:
            return read_masks(photos, self.masks, allow_empty=self.skip_empty)
        if self.alpha_mask:
            return read_alphas(photos, allow_empty=self.skip_empty)
        return [None] * len(photos)

    def _grown(self, mask: SoftMask | None) -> SoftMask | None:
        return None if mask is None else dilate(mask, self.mask_dilate)


@dataclass(slots=True)
class ClassPhotos:
    """Photos of the subject's class, without masks: all of them counts.

    Each is read when it is drawn, as there may be hundreds. Raises UsageError as
    `find_instance_photos` does.
    """

    folder: Path
    resolution: int = 512
    center_crop: bool = False
    random_flip: bool = False
    files: tuple[Path, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.files = tuple(find_instance_photos(self.folder, "class_data_dir"))

    def __len__(self) -> int:
        return len(self.files)

    def draw(self, index: int, generator: torch.Generator) -> PhotoCrop:
        """Return a crop of a photo and a mask of ones, which depends on ``generator`` alone.

        Raises MediaError for a photo that breaks off.
        """
        return _crop(
            _resized(self.files[index], self.resolution, None),
            self.resolution,
            generator,
            center=self.center_crop,
            random_flip=self.random_flip,
        )


def _resized(path: Path, resolution: int, mask: SoftMask | None) -> _Resized:
    image = read_image(path)
    original_hw = (image.shape[0], image.shape[1])
    size_hw = resized_hw(original_hw, resolution)
    whole = np.ones(size_hw, np.float32)
    resized = whole if mask is None else resize_mask(mask, size_hw)
    return _Resized(resize_photo(image, size_hw), resized, original_hw)


def _crop(
    photo: _Resized, resolution: int, generator: torch.Generator, *, center: bool, random_flip: bool
) -> PhotoCrop:
    place = draw_placement(
        photo.mask, resolution, generator, center=center, random_flip=random_flip
    )
    left = photo.mask.shape[1] - resolution - place.left if place.flip else place.left
    return PhotoCrop(
        crop_pixels(photo.image, resolution, place),
        crop_mask(photo.mask, resolution, place),
        photo.original_size_hw,
        (place.top, left),
    )


def _no_photos(name: str | None, folder: Path, got: str) -> UsageError:
    return UsageError(_named(name, folder), got=got, expected="a folder of photos")


def _named(name: str | None, folder: Path) -> str:
    return str(folder) if name is None else param(name, folder)
