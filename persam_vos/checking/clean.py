"""A clean mask of what a user drew: right size, flat, without void, specks and small holes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import MaskError, OutputError
from ..media.label_png import write_label_png
from ..media.label_values import labels_from_array
from ..media.reference_masks import MaskInput, MaskLike, fit_to_frame, named_masks
from ..scoring import VOID_LABEL
from ..scoring.label_files import present_ids
from ..structures import LabelMap
from .mask_facts import hole_mask, speck_mask
from .soft_masks import Understood, understand


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
) -> CleanMask:
    """Understand the masks of one frame, and clean them.

    Masks are given as to `read_reference_masks`, which takes the result for what it is. Soft
    outlines are resolved, label 255 beside others is dropped unless ``objects`` has it, pieces and
    holes of less than ``speck_px`` pixels are removed and filled. Raises MaskError for masks of
    which nothing can be made: no images, photographs, another shape than ``size_hw``.
    """
    changes: list[str] = []
    label_map = np.zeros(size_hw, np.uint8)
    for object_id, mask in named_masks(masks):
        understood = _understand(mask)
        changes += understood.changes
        name = "mask array" if isinstance(mask, np.ndarray) else Path(mask).name
        labels = fit_to_frame(understood.label_map, size_hw, name, changes)
        if object_id is not None:
            labels = np.where(labels > 0, object_id, 0).astype(np.uint8)
        label_map = np.where(labels > 0, labels, label_map)
    ids = present_ids(label_map)
    dropped = (
        ids - {*objects} if objects is not None else {VOID_LABEL} & ids if len(ids) > 1 else set()
    )
    for object_id in sorted(dropped):
        gone = label_map == object_id
        label_map[gone] = 0
        what = "void label 255" if objects is None else f"object {object_id}"
        changes.append(f"{what} dropped ({np.count_nonzero(gone)} pixels)")
    _remove_specks(label_map, speck_px, changes)
    _fill_holes(label_map, speck_px, changes)
    if not label_map.any():
        raise MaskError(
            "masks", got="no object that is left", expected="at least one", remedy="draw one"
        )
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


def _understand(mask: MaskLike) -> Understood:
    if isinstance(mask, np.ndarray):
        return Understood(labels_from_array(mask))
    return understand(Path(mask))


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
