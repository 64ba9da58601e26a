"""The user's masks of some frames: read, selected, checked and brought to the frame's size."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import MaskError
from ..scoring.label_files import present_ids
from ..structures import LabelMap
from .label_png import read_label_map
from .label_values import labels_from_array

ASPECT_TOLERANCE = 0.01
"""Greatest relative difference of aspect ratio at which a mask is taken for a rescaled one."""

MaskLike = str | Path | npt.NDArray[Any]
"""A mask file, or an (H, W) array of labels."""
MaskInput = MaskLike | Sequence[str | Path] | Mapping[int, MaskLike]
"""One mask, files that name their object (``"1=a.png"``), or masks by object id."""


@dataclass(frozen=True, slots=True)
class ReferenceMasks:
    """Objects to follow; produced by ``media.reference_masks``, consumed by ``api``.

    ``label_maps`` are (H, W) uint8 of the frames' size, by frame index, each with an object at
    least; ``object_ids`` are the ids in all of them, ascending. ``warnings`` are sentences for the
    user.
    """

    label_maps: Mapping[int, LabelMap]
    object_ids: tuple[int, ...]
    warnings: tuple[str, ...] = ()


def read_reference_masks(
    masks: Mapping[int, MaskInput],
    size_hw: tuple[int, int],
    *,
    objects: Collection[int] | None = None,
) -> ReferenceMasks:
    """Read the masks of the objects to follow, by the index of the frame that they show.

    One mask is taken with the ids that it has. Of masks that name their object, the foreground,
    whatever its values, becomes that id; where they overlap the later one wins, with a warning.
    ``objects`` keeps these ids only. A mask of another size but the same shape is resized, with a
    warning. Raises MaskError for masks that cannot be understood, are empty, of another shape,
    wholly hidden by later ones, or if ``objects`` asks for ids that are not there.
    """
    warnings: list[str] = []
    label_maps = {
        frame: _read_frame(given, size_hw, f"masks of frame {frame}", warnings)
        for frame, given in masks.items()
    }
    if objects is not None:
        label_maps = _select(label_maps, objects)
    return ReferenceMasks(label_maps, _all_ids(label_maps), tuple(warnings))


def mask_files(masks: MaskInput | None) -> tuple[Path, ...]:
    """Return the files among masks, without the ids that they are given."""
    named = [] if masks is None else named_masks(masks)
    return tuple(Path(mask) for _, mask in named if not isinstance(mask, np.ndarray))


def _all_ids(label_maps: Mapping[int, LabelMap]) -> tuple[int, ...]:
    return tuple(sorted({i for label_map in label_maps.values() for i in present_ids(label_map)}))


def _read_frame(
    masks: MaskInput, size_hw: tuple[int, int], subject: str, warnings: list[str]
) -> LabelMap:
    named = named_masks(masks)
    if len(named) == 1 and named[0][0] is None:
        return _read_one(named[0][1], size_hw, warnings)
    return _merge(named, size_hw, subject, warnings)


def named_masks(masks: MaskInput) -> list[tuple[int | None, MaskLike]]:
    """Return every mask with the object id that it is given, if any."""
    if isinstance(masks, Mapping):
        return [(_checked_id(key, f"masks[{key}]"), mask) for key, mask in masks.items()]
    if isinstance(masks, str | Path | np.ndarray):
        return [_parse(masks)]
    return [_parse(mask) for mask in masks]


def _parse(mask: MaskLike) -> tuple[int | None, MaskLike]:
    if isinstance(mask, str) and (match := re.fullmatch(r"(-?\d+)=(.+)", mask)):
        return _checked_id(int(match[1]), mask), match[2]
    return None, mask


def _checked_id(object_id: int, name: str) -> int:
    if not 1 <= object_id <= 255:
        raise MaskError(
            name, got=f"object id {object_id}", expected="1 to 255", remedy="choose another id"
        )
    return object_id


def _read_one(mask: MaskLike, size_hw: tuple[int, int], warnings: list[str]) -> LabelMap:
    name = "mask array" if isinstance(mask, np.ndarray) else str(mask)
    label_map = labels_from_array(mask) if isinstance(mask, np.ndarray) else read_label_map(mask)
    if not label_map.any():
        raise no_foreground(name)
    return fit_to_frame(label_map, size_hw, name, warnings)


def no_foreground(name: str) -> MaskError:
    """Say that a mask shows no object."""
    return MaskError(
        name,
        got="no foreground: every pixel is 0",
        expected="at least one object",
        remedy="draw the object in a value other than 0",
    )


def fit_to_frame(
    label_map: LabelMap, size_hw: tuple[int, int], name: str, warnings: list[str]
) -> LabelMap:
    """Resize (H, W) labels to the frame by nearest neighbour, adding a warning if it was needed.

    Raises MaskError for another aspect ratio, or when an object is lost by it.
    """
    (height, width), (frame_height, frame_width) = label_map.shape, size_hw
    if (height, width) == (frame_height, frame_width):
        return label_map
    got, expected = f"{width} x {height}", f"{frame_width} x {frame_height}"
    if abs(width * frame_height / (height * frame_width) - 1) > ASPECT_TOLERANCE:
        turned = (height, width) == (frame_width, frame_height)
        remedy = "draw the mask on its frame of this very video"
        if turned:
            remedy = "turn it by 90 degrees: frames are used as they are shown, not as stored"
        raise MaskError(
            name, got=f"a mask of {got}", expected=f"{expected}, as the frames", remedy=remedy
        )
    # The exact variant samples at the centres of pixels.
    resized = cv2.resize(
        label_map, (frame_width, frame_height), interpolation=cv2.INTER_NEAREST_EXACT
    )
    lost = sorted(present_ids(label_map) - present_ids(resized))
    if lost:
        raise MaskError(
            name,
            got=f"a mask of {got} in which object {lost[0]} is lost when resized to {expected}",
            expected=f"a mask of {expected}",
            remedy="draw it at the size of the frames",
        )
    warnings.append(f"{name}: the mask is {got} but the frames are {expected}; it was resized")
    return np.asarray(resized, dtype=np.uint8)


def _merge(
    named: Sequence[tuple[int | None, MaskLike]],
    size_hw: tuple[int, int],
    subject: str,
    warnings: list[str],
) -> LabelMap:
    ids = [object_id for object_id, _ in named]
    if None in ids or len(set(ids)) < len(ids) or not ids:
        got = "none" if not ids else ", ".join("no id" if i is None else str(i) for i in ids)
        raise MaskError(
            subject,
            got=got,
            expected="one mask, or several with an id of their own each",
            remedy="name them as in 1=a.png 2=b.png",
        )
    merged = np.zeros(size_hw, dtype=np.uint8)
    for object_id, mask in named:
        assert object_id is not None
        foreground = _read_one(mask, size_hw, warnings) > 0
        for hidden in sorted(present_ids(merged * foreground)):
            count = int(np.count_nonzero(foreground & (merged == hidden)))
            warnings.append(
                f"{subject}: object {object_id} covers {count} pixels of object {hidden}; "
                "the later mask wins"
            )
        merged[foreground] = object_id
    _check_visible(merged, [object_id for object_id in ids if object_id is not None], subject)
    return merged


def _check_visible(merged: LabelMap, ids: Sequence[int], subject: str) -> None:
    hidden = sorted(set(ids) - present_ids(merged))
    if hidden:
        raise MaskError(
            subject,
            got=f"object {hidden[0]} wholly covered by later masks",
            expected="at least one pixel of every object",
            remedy="give its mask last, or cut the others out where it is in front",
        )


def _select(label_maps: Mapping[int, LabelMap], objects: Collection[int]) -> dict[int, LabelMap]:
    present = _all_ids(label_maps)
    missing = sorted(set(objects) - set(present))
    if missing or not objects:
        raise MaskError(
            "objects",
            got=", ".join(map(str, missing)) or "an empty selection",
            expected=f"ids in the masks: {', '.join(map(str, present))}",
            remedy="select some of these",
        )
    keep = np.zeros(256, dtype=np.uint8)
    keep[list(objects)] = list(objects)
    selected = {frame: keep[label_map] for frame, label_map in label_maps.items()}
    for frame, label_map in selected.items():
        if not label_map.any():
            raise MaskError(
                f"masks of frame {frame}",
                got="none of the selected objects",
                expected=f"one of {', '.join(map(str, sorted(objects)))}",
                remedy="leave this mask out, or select an object that is in it",
            )
    return selected
