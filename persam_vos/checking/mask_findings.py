"""What the masks of a run are likely to lead to."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from ..config import IMAGE_SIZE_RANGE, MethodSettings
from ..errors import param
from ..geometry import PATCH, Geometry
from ..methods.memory.crop_refiner import MIN_DETAIL
from .findings import Finding
from .mask_facts import ObjectFacts
from .mask_file import MaskFile

_FAR = 0.15  # of the picture's long side; parts of one object that something covers are nearer
_EVERY = 64  # image sizes that are proposed are multiples of it
_CROP_SCALE = 2  # pixels of a crop along an input pixel, see stages.crop


def file_findings(files: Sequence[MaskFile]) -> Iterator[Finding]:
    """Yield why mask files are refused, and what they hold that is easily overlooked."""
    for file in files:
        if file.problem is not None:
            found = Finding.of(file.problem)
            clean = f"{found.remedy}, or clean it with {param('fix')}"
            yield replace(found, remedy=clean) if file.fixable else found
        elif file.kind.startswith("colour"):
            ids, plural = ", ".join(map(str, file.ids)), "s" * (len(file.ids) > 1)
            yield Finding("note", file.path, f"colours, which stand for object{plural} {ids}")


def object_findings(
    objects: Sequence[ObjectFacts],
    size_hw: tuple[int, int],
    settings: MethodSettings,
    where: str,
) -> Iterator[Finding]:
    """Yield what is odd about the objects on a frame; ``where`` names the mask."""
    cropped = cropped_ids(objects, size_hw, settings)
    for one in objects:
        what = f"{where}, object {one.object_id}"
        yield from _small(one, size_hw, settings, what, cropped=one.object_id in cropped)
        yield from _shape(one, size_hw, what)


def cropped_ids(
    objects: Sequence[ObjectFacts], size_hw: tuple[int, int], settings: MethodSettings
) -> frozenset[int]:
    """Return the objects that are also encoded in a high-resolution crop, see `CropRefiner`."""
    scale = Geometry(size_hw, settings.image_size).scale
    if settings.method != "memory" or scale > 1 / MIN_DETAIL:
        return frozenset()
    small = [one for one in objects if one.side_px * scale <= settings.small_side]
    boxes = [one.box_xyxy for one in small]
    if not boxes:
        return frozenset()
    spans = (max(b[k + 2] for b in boxes) - min(b[k] for b in boxes) + 1 for k in (0, 1))
    fits = max(spans) * scale <= settings.small_side
    return frozenset(one.object_id for one in small) if fits else frozenset()


def _small(
    one: ObjectFacts,
    size_hw: tuple[int, int],
    settings: MethodSettings,
    what: str,
    *,
    cropped: bool,
) -> Iterator[Finding]:
    """Say when an object is smaller than a cell of the encoder's features."""
    scale = Geometry(size_hw, settings.image_size).scale * (_CROP_SCALE if cropped else 1)
    seen = one.side_px * scale
    if seen >= PATCH:
        return
    needed = _EVERY * math.ceil(PATCH * max(size_hw) / (one.side_px * _EVERY))
    remedy = "enlarge a part of the video round it, and track that"
    if needed <= IMAGE_SIZE_RANGE[1]:
        remedy = f"try an image size of {needed}, or {remedy}"
    yield Finding(
        "warning",
        what,
        f"a box of {_box(one)} pixels, whose long side is {seen:.0f} of the encoder's"
        + (", in its high-resolution crop" if cropped else ""),
        f"{PATCH} or more, a cell of its features",
        remedy,
    )


def _shape(one: ObjectFacts, size_hw: tuple[int, int], what: str) -> Iterator[Finding]:
    if one.piece_gap_px > _FAR * max(size_hw):
        yield Finding(
            "warning",
            what,
            f"{one.pieces} pieces, one of them {one.piece_gap_px} pixels from the others",
            "one object",
            "give each thing an id of its own",
        )
    if one.specks:
        yield Finding(
            "note",
            what,
            f"{one.specks} speck{'s' * (one.specks > 1)} of {_pixels(one.speck_area_px)} together",
            "",
            f"clean the mask with {param('fix')}, unless they belong to it",
        )
    if one.holes:
        yield Finding(
            "note",
            what,
            f"{one.holes} hole{'s' * (one.holes > 1)} of {_pixels(one.hole_area_px)} together",
            "",
            f"clean the mask with {param('fix')}, unless one sees through them",
        )
    if one.edges:
        yield Finding("note", what, f"touches the picture's edge ({', '.join(one.edges)})")


def crop_note(
    objects: Sequence[ObjectFacts], cropped: Collection[int], where: str
) -> Iterator[Finding]:
    """Say which objects are seen at twice the resolution."""
    ids = [one.object_id for one in objects if one.object_id in cropped]
    if ids:
        several = (
            f"objects {', '.join(map(str, ids))} are" if len(ids) > 1 else (f"object {ids[0]} is")
        )
        yield Finding("note", where, f"{several} small, and also encoded at twice the resolution")


def _box(one: ObjectFacts) -> str:
    x0, y0, x1, y1 = one.box_xyxy
    return f"{x1 - x0 + 1} x {y1 - y0 + 1}"


def _pixels(count: int) -> str:
    return f"{count} pixel{'s' * (count != 1)}"
