"""The user's masks of some frames: read, selected, checked and brought to the frame's size."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import MaskError, param
from ..scoring import VOID_LABEL
from ..scoring.label_files import present_ids
from ..structures import LabelMap
from .label_colours import Rgb, find_label_map, read_label_colours
from .label_png import read_label_map
from .label_values import labels_from_array

ASPECT_TOLERANCE = 0.01
"""Greatest relative difference of aspect ratio at which a mask is taken for a rescaled one."""

MOST_FOREGROUND = 0.75
"""A mask of one object that fills more is perhaps inverted."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskOptions:
    """How masks are to be understood; produced by `TrackRequest`, consumed here.

    ``invert`` swaps object and background. ``label_map`` is a file that says which colour is which
    object. ``pixel_aspect`` is the width of the video's pixels by their height.
    """

    invert: bool = False
    label_map: Path | None = None
    pixel_aspect: Fraction = Fraction(1)


def read_reference_masks(
    masks: Mapping[int, MaskInput],
    size_hw: tuple[int, int],
    *,
    objects: Collection[int] | None = None,
    options: MaskOptions | None = None,
) -> ReferenceMasks:
    """Read the masks of the objects to follow, by the index of the frame that they show.

    One mask is taken with the ids that it has; 255 beside others is void, and background. Of masks
    that name their object, the foreground, whatever its values, becomes that id; where they overlap
    the later one wins, with a warning. ``objects`` keeps these ids only; with 255 among them, that
    is an object. A mask of another size but the same shape is resized, with a
    warning. Raises MaskError for masks that cannot be understood, are empty, of another shape,
    wholly hidden by later ones, or if ``objects`` asks for ids that are not there.
    """
    reading = _Reading(size_hw, objects, options or MaskOptions())
    label_maps = {
        frame: reading.frame(given, f"masks of frame {frame}") for frame, given in masks.items()
    }
    if objects is not None:
        label_maps = _select(label_maps, objects)
    return ReferenceMasks(label_maps, _all_ids(label_maps), tuple(reading.warnings))


def mask_files(masks: MaskInput | None) -> tuple[Path, ...]:
    """Return the files among masks, without the ids that they are given."""
    named = [] if masks is None else named_masks(masks)
    return tuple(Path(mask) for _, mask in named if not isinstance(mask, np.ndarray))


def _all_ids(label_maps: Mapping[int, LabelMap]) -> tuple[int, ...]:
    return tuple(sorted({i for label_map in label_maps.values() for i in present_ids(label_map)}))


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


@dataclass(slots=True)
class _Reading:
    """Reads masks for frames of one size, and gathers what to tell the user."""

    size_hw: tuple[int, int]
    objects: Collection[int] | None
    options: MaskOptions
    warnings: list[str] = field(default_factory=list)

    def frame(self, masks: MaskInput, subject: str) -> LabelMap:
        """Return the label map of one frame."""
        named = named_masks(masks)
        if len(named) == 1 and named[0][0] is None:
            return self.one(named[0][1])
        return self._merge(named, subject)

    def one(self, mask: MaskLike) -> LabelMap:
        """Return the label map of one mask."""
        name = "mask array" if isinstance(mask, np.ndarray) else str(mask)
        if isinstance(mask, np.ndarray):
            label_map = labels_from_array(mask, name, self.warnings)
        else:
            label_map = read_label_map(mask, self.warnings, colours=self._colours(Path(mask)))
        label_map = self._without_void(self._inverted(label_map, name), name)
        if not label_map.any():
            raise no_foreground(name)
        self._warn_inverted(label_map, name)
        return fit_to_frame(
            label_map, self.size_hw, name, self.warnings, pixel_aspect=self.options.pixel_aspect
        )

    def _colours(self, mask: Path) -> Mapping[Rgb, str] | None:
        """Return the label map to read a mask by: the one given, or one that lies beside it."""
        path = self.options.label_map or find_label_map(mask)
        return None if path is None else read_label_colours(path)

    def _inverted(self, label_map: LabelMap, name: str) -> LabelMap:
        """Swap object and background, if that is asked for; raises MaskError for several."""
        if not self.options.invert:
            return label_map
        ids = sorted(present_ids(label_map))
        if len(ids) > 1:
            raise MaskError(
                f"{name} with {param('invert_mask', True)}",
                got=f"{len(ids)} objects",
                expected="a black and white mask",
                remedy="leave the inversion out, or give a mask of one object",
            )
        return np.asarray(label_map == 0, dtype=np.uint8)

    def _without_void(self, label_map: LabelMap, name: str) -> LabelMap:
        """Make 255 beside other ids background, as PASCAL VOC and DAVIS mean it."""
        present = present_ids(label_map)
        asked_for = VOID_LABEL in (self.objects or ())
        if VOID_LABEL not in present or len(present) == 1 or asked_for:
            return label_map
        ids = ",".join(map(str, sorted(present)))
        self.warnings.append(
            f"{name}: 255 is taken for void, as background; ask for objects {ids} to track it"
        )
        return np.where(label_map == VOID_LABEL, 0, label_map).astype(np.uint8)

    def _warn_inverted(self, label_map: LabelMap, name: str) -> None:
        share = np.count_nonzero(label_map) / label_map.size
        if share > MOST_FOREGROUND and len(present_ids(label_map)) == 1 and not self.options.invert:
            self.warnings.append(
                f"{name}: {share:.0%} of it is foreground; if black is the object, ask for "
                "invert-mask"
            )

    def _merge(self, named: Sequence[tuple[int | None, MaskLike]], subject: str) -> LabelMap:
        """Put masks that name their object into one label map."""
        ids = [object_id for object_id, _ in named]
        if None in ids or len(set(ids)) < len(ids) or not ids:
            got = "none" if not ids else ", ".join("no id" if i is None else str(i) for i in ids)
            raise MaskError(
                subject,
                got=got,
                expected="one mask, or several with an id of their own each",
                remedy="name them as in 1=a.png 2=b.png",
            )
        merged = np.zeros(self.size_hw, dtype=np.uint8)
        for object_id, mask in named:
            assert object_id is not None
            foreground = self.one(mask) > 0
            for hidden in sorted(present_ids(merged * foreground)):
                count = int(np.count_nonzero(foreground & (merged == hidden)))
                self.warnings.append(
                    f"{subject}: object {object_id} covers {count} pixels of object {hidden}; "
                    "the later mask wins"
                )
            merged[foreground] = object_id
        _check_visible(merged, [object_id for object_id in ids if object_id is not None], subject)
        return merged


def no_foreground(name: str) -> MaskError:
    """Say that a mask shows no object."""
    return MaskError(
        name,
        got="no foreground: every pixel is 0",
        expected="at least one object",
        remedy="draw the object in a value other than 0",
    )


def fit_to_frame(
    label_map: LabelMap,
    size_hw: tuple[int, int],
    name: str,
    warnings: list[str],
    *,
    pixel_aspect: Fraction = Fraction(1),
) -> LabelMap:
    """Resize (H, W) labels to the frame by nearest neighbour, adding a warning if it was needed.

    A mask may have the shape of the stored picture, or that at which a player shows it. Raises
    MaskError for another aspect ratio, or when an object is lost by it.
    """
    (height, width), (frame_height, frame_width) = label_map.shape, size_hw
    if (height, width) == (frame_height, frame_width):
        return label_map
    got, expected = f"{width} x {height}", f"{frame_width} x {frame_height}"
    shape = width * frame_height / (height * frame_width)
    displayed = pixel_aspect != 1 and abs(shape / float(pixel_aspect) - 1) <= ASPECT_TOLERANCE
    if abs(shape - 1) > ASPECT_TOLERANCE and not displayed:
        turned = (height, width) == (frame_width, frame_height)
        remedy = "draw the mask on its frame of this very video"
        if turned:
            remedy = "turn it by 90 degrees: frames are used as they are shown, not as stored"
        if pixel_aspect != 1:
            shown = round(frame_width * pixel_aspect)
            expected += f" (or {shown} x {frame_height}, as shown with pixels of {pixel_aspect})"
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
    why = f" with pixels of {pixel_aspect}" if displayed else ""
    warnings.append(f"{name}: the mask is {got} but the frames are {expected}{why}; it was resized")
    return np.asarray(resized, dtype=np.uint8)


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
