"""A clean mask of what a user drew: right size, flat, without void, specks and small holes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import MaskError, OutputError
from ..media.label_png import write_label_png
from ..media.reference_masks import (
    MaskInput,
    MaskLike,
    MaskOptions,
    fit_to_frame,
    named_masks,
    no_foreground,
    read_reference_masks,
)
from ..scoring.label_files import present_ids
from ..structures import LabelMap
from .mask_facts import hole_mask, speck_mask
from .soft_masks import understand


@dataclass(frozen=True, slots=True)
class CleanMask:
    """A clean (H, W) label map, and what was changed for it, in sentences."""

    label_map: LabelMap
    changes: tuple[str, ...]


def clean_masks(
    masks: MaskInput,
    size_hw: tuple[int, int],
    *,
    speck_px: int,
    objects: Collection[int] | None = None,
    options: MaskOptions | None = None,
) -> CleanMask:
    """Understand the masks of one frame, and clean them.

    All but ``speck_px`` is as for `read_reference_masks`, which takes the result for what it is.
    Masks that it refuses for soft outlines or unknown colours are resolved; pieces and holes of
    less than ``speck_px`` pixels are removed and filled. Raises MaskError for masks of which
    nothing can be made: no images, photographs, another shape than ``size_hw``.
    """
    changes: list[str] = []
    label_map = np.zeros(size_hw, np.uint8)
    options, named = options or MaskOptions(), named_masks(masks)
    for object_id, mask in named:
        labels = _labels(mask, size_hw, objects if object_id is None else None, options, changes)
        if object_id is not None:
            labels = np.where(labels > 0, object_id, 0).astype(np.uint8)
        label_map = np.where(labels > 0, labels, label_map)
    if objects is not None:
        label_map = np.where(np.isin(label_map, list(objects)), label_map, 0).astype(np.uint8)
    _remove_specks(label_map, speck_px, changes)
    _fill_holes(label_map, speck_px, changes)
    if not label_map.any():
        raise no_foreground("masks, cleaned")
    return CleanMask(label_map, tuple(changes))


def write_clean_mask(path: Path, clean: CleanMask) -> None:
    """Write a clean mask as a palette PNG; raises OutputError for any file that is there."""
    if path.exists() or path.is_symlink():
        raise OutputError(
            f"cannot write {path}",
            got="a file of that name",
            expected="a new name",
            remedy="choose another: what is there may be yours, and is never replaced",
        )
    if path.suffix.lower() != ".png":
        raise OutputError(
            f"cannot write {path}",
            got=f"a name that ends in {path.suffix or 'nothing'}",
            expected="one that ends in .png",
            remedy="masks are kept as PNG alone, which loses nothing",
        )
    write_label_png(path, clean.label_map)


def _labels(
    mask: MaskLike,
    size_hw: tuple[int, int],
    objects: Collection[int] | None,
    options: MaskOptions,
    changes: list[str],
) -> LabelMap:
    """Return the (H, W) labels of one mask, as a run takes it or as it was probably meant."""
    try:
        read = read_reference_masks({0: mask}, size_hw, objects=objects, options=options)
    except MaskError as refused:
        if isinstance(mask, np.ndarray):
            raise
        understood = understand(Path(mask), refused)
        changes += understood.changes
        labels = understood.label_map
        if options.invert:
            labels = (labels == 0).astype(np.uint8)
        aspect = options.pixel_aspect
        return fit_to_frame(labels, size_hw, Path(mask).name, changes, pixel_aspect=aspect)
    changes += read.warnings
    return read.label_maps[0]


def _remove_specks(label_map: LabelMap, speck_px: int, changes: list[str]) -> None:
    for object_id in sorted(present_ids(label_map)):
        specks = speck_mask(label_map == object_id, speck_px)
        label_map[specks] = 0
        changes += _told(object_id, "pieces", "removed", specks, speck_px)


def _fill_holes(label_map: LabelMap, speck_px: int, changes: list[str]) -> None:
    for object_id in sorted(present_ids(label_map)):
        holes = hole_mask(label_map, object_id, speck_px)
        label_map[holes] = object_id
        changes += _told(object_id, "holes", "filled", holes, speck_px)


def _told(object_id: int, what: str, done: str, pixels: np.ndarray, speck_px: int) -> Iterable[str]:
    count = int(np.count_nonzero(pixels))
    if count:
        yield (
            f"object {object_id}: {what} of less than {speck_px} pixels {done}, "
            f"{count} pixel{'s' * (count > 1)} together"
        )
