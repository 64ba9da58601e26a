"""Masks for the photos of a subject, found from one that is shown, and a sheet to approve them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError, param, require_one_of
from ..files.atomic import hidden_folder, make_folder, output_error
from ..files.limits import read_json
from ..files.output import inside, refuse_unwritable, remove_files, replaceable
from ..media.image_file import frame_name
from ..media.image_reader import read_image
from ..media.reference_prompts import Prompt
from ..photos.any_size import segment_any_size
from ..photos.learn import make_reference, read_reference
from ..photos.make import new_photo_method
from ..photos.method import PhotoMethod, PhotoReference
from ..photos.request import ReferencePhoto
from ..photos.settings import PhotoSettings
from ..tracking.engine import Engine
from .contact_sheet import Tile, make_tile, save_sheets, sheet_names
from .gates import Mask, SubjectFacts, subject_facts
from .layout_names import CONFIG, LAYOUTS, Layout, pair_names
from .layouts import write_config, write_pair
from .mask_files import read_shown, shared_stems
from .photos import find_instance_photos

LOG = "prepare.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareRequest:
    """Photos of a subject, how it is shown, and where its masks go; consumed by `prepare`.

    ``photos`` is a folder of nothing but photos. ``masks`` show the subject, each in the photo of
    its name; one alone may have any name, and is of ``reference`` then, or of the first photo. In
    its place ``prompts``, boxes and points in pixels, show it in that photo. ``resolution`` is that
    of training, by which it is told whether the subject is tiny. Raises UsageError for a request
    that contradicts itself.
    """

    photos: Path
    masks: Sequence[Path] = ()
    prompts: Sequence[Prompt] = ()
    reference: str | None = None
    output: Path = Path("masks")
    layout: Layout = "plain"
    resolution: int = 512
    settings: PhotoSettings = field(default_factory=PhotoSettings)
    overwrite: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        require_one_of("layout", self.layout, LAYOUTS)
        if bool(self.masks) == bool(self.prompts):
            raise UsageError(
                param("mask"),
                got="a box or a point as well" if self.masks else "neither it nor a box or a point",
                expected="one of them, which shows the subject in one photo",
            )
        if self.reference is not None and len(self.masks) > 1:
            raise UsageError(
                param("reference"),
                got=f"{len(self.masks)} masks",
                expected="one mask: several are matched with photos by their names",
            )
        own = self.photos.absolute()
        if own in (self.output.absolute(), *self.output.absolute().parents):
            raise UsageError(
                param("output", self.output),
                got="a folder in that of the photos",
                expected="another one: all that lies there is trained on",
                remedy="choose a folder beside it",
            )


@dataclass(frozen=True, slots=True)
class PrepareSummary:
    """What was found and written; produced by `prepare`.

    ``facts`` are by the photos' file names, in their order; ``sheets`` are the pictures to approve.
    """

    output: Path
    layout: Layout
    facts: dict[str, SubjectFacts]
    sheets: tuple[Path, ...]

    @property
    def not_found(self) -> tuple[str, ...]:
        """The photos in which the subject was not found."""
        return tuple(name for name, one in self.facts.items() if "not found" in one.gates)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What was checked: photos, the references by the photo that shows them, files to replace."""

    photos: tuple[Path, ...]
    masks: dict[Path, Path]
    prompted: Path | None
    old: tuple[Path, ...]


def prepare(
    request: PrepareRequest,
    *,
    engine: Callable[[], Engine],
    on_start: Callable[[int], None] = lambda _: None,
    on_photo: Callable[[], None] = lambda: None,
) -> PrepareSummary:
    """Find the subject in all photos, and write masks, contact sheets and `prepare.json`.

    Masks that are given stay as they are. All is written when all is done, and nothing else is
    replaced than what an earlier run wrote. A subject that is not found has an empty mask, or in
    layouts for other trainers none. ``engine`` loads the network, once the input is known to be
    good. Raises UsageError, MediaError or MaskError for input that cannot be used, and OutputError.
    """
    inputs = _checked(request)
    given: dict[Path, PhotoReference] = {
        photo: PhotoReference(read_image(photo), read_shown(mask, photo))
        for photo, mask in inputs.masks.items()
    }
    shown = None
    if inputs.prompted is not None:
        reference = ReferencePhoto(image=inputs.prompted, prompts=request.prompts)
        shown = read_reference(reference, lambda _: None)
    loaded = engine()
    if inputs.prompted is not None and shown is not None:
        image, labels = make_reference(shown, loaded)
        given[inputs.prompted] = PhotoReference(image, np.asarray(labels > 0, np.uint8))
    method = new_photo_method(loaded, request.settings)
    method.learn([*given.values()])
    on_start(len(inputs.photos))
    with _staging(request.output) as folder:
        files: list[str] = []
        tiles: list[Tile] = []
        for path in inputs.photos:
            image, mask, presence = _subject(method, path, given.get(path))
            facts = subject_facts(mask, request.resolution, presence=presence, given=path in given)
            levels = np.asarray(mask * 255, np.uint8)
            files += write_pair(folder, request.layout, frame_name(path), image, levels)
            tiles.append(make_tile(path.name, image, mask, facts))
            on_photo()
        summary = _finish(request, folder, files, tiles)
        remove_files(inputs.old)
        _move(folder, request.output)
    return summary


def _checked(request: PrepareRequest) -> _Inputs:
    """Check all that can be checked without the network."""
    photos = find_instance_photos(request.photos, name=None)
    if problems := shared_stems(photos):
        raise UsageError(
            str(request.photos),
            got="; ".join(problems),
            expected="a name of its own for each photo, which its mask is called by",
            remedy="rename one, or move masks to another folder",
        )
    among = [
        one.name for one in photos if any(mask.resolve() == one.resolve() for mask in request.masks)
    ]
    if among:
        raise UsageError(
            param("mask", among[0]),
            got="a file among the photos",
            expected="masks in another folder: all that lies there is trained on",
        )
    masks, prompted = _shown(request, photos)
    names = [frame_name(one) for one in photos]
    sheets = sheet_names(len(photos))
    if clash := {f"{one}.png".casefold() for one in names} & {*sheets}:
        raise UsageError(
            str(request.photos),
            got=f"a photo called as {clash.pop()}, the sheet of all photos",
            expected="another name",
        )
    refuse_unwritable(request.output)
    planned = [path for name in names for path in pair_names(request.layout, name)]
    listed = _listed(request.output)
    there = {request.output / one for one in (*planned, *sheets, LOG, CONFIG)} | listed
    own = listed | {request.output / LOG} if listed else listed
    old = replaceable(
        request.output,
        sorted(there),
        own=own,
        overwrite=request.overwrite,
        inputs=[*photos, *masks.values()],
        expected="a folder without masks",
    )
    return _Inputs(tuple(photos), masks, prompted, old)


def _shown(request: PrepareRequest, photos: Sequence[Path]) -> tuple[dict[Path, Path], Path | None]:
    """Say which photo each mask is of, and which one boxes and points are in."""
    first = photos[0] if request.reference is None else _photo(request.reference, photos)
    if not request.masks:
        return {}, first
    by_stem = {frame_name(one): one for one in photos}
    if len(request.masks) == 1:
        (mask,) = request.masks
        of_its_name = None if request.reference else by_stem.get(frame_name(mask))
        return {of_its_name or first: mask}, None
    strange = [one.name for one in request.masks if frame_name(one) not in by_stem]
    if strange:
        raise UsageError(
            param("mask"),
            got=f"no photo of the name of {', '.join(strange)}",
            expected="several masks to be called as their photos are",
        )
    return {by_stem[frame_name(one)]: one for one in request.masks}, None


def _photo(reference: str, photos: Sequence[Path]) -> Path:
    """Return the photo that is meant by a path or a name in the folder."""
    for one in photos:
        if reference in (one.name, frame_name(one)) or Path(reference).absolute() == one.absolute():
            return one
    raise UsageError(
        param("reference", reference),
        got="no such photo",
        expected=f"one of {', '.join(one.name for one in photos)}",
    )


def _subject(
    method: PhotoMethod, path: Path, given: PhotoReference | None
) -> tuple[np.ndarray, Mask, float]:
    """Return a photo, the mask of its subject, and how sure it is."""
    if given is not None:
        return given.image, given.labels > 0, 1.0
    image = read_image(path)
    (found,) = segment_any_size(method, image)
    return image, found.mask, found.presence


def _finish(
    request: PrepareRequest, folder: Path, files: list[str], tiles: Sequence[Tile]
) -> PrepareSummary:
    """Write sheets, what trainers read, and the log."""
    facts = {one.name: one.facts for one in tiles}
    given = ", ".join(name for name, one in facts.items() if one.given)
    found = sum(bool(one.coverage) for one in facts.values())
    folder_name = request.photos.absolute().name
    title = f"{folder_name}: found in {found} of {len(tiles)} photos, as shown in {given}"
    sheets = save_sheets(folder, tiles, title)
    config = write_config(folder, request.layout, request.output, request.resolution)
    told: dict[str, Any] = {
        "version": version("persam-vos"),
        "command": request.command,
        "layout": request.layout,
        "resolution": request.resolution,
        "files": [*files, *config, *sheets, LOG],
        "photos": [
            {"photo": name, **asdict(one), "gates": one.gates} for name, one in facts.items()
        ],
    }
    (folder / LOG).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    places = tuple(request.output / one for one in sheets)
    return PrepareSummary(request.output, request.layout, facts, places)


def _listed(output: Path) -> frozenset[Path]:
    """Return the files that an earlier run lists as its own."""
    try:
        told = read_json(output / LOG)
        names = [str(one) for one in told["files"]]
    except (OSError, ValueError, TypeError, KeyError):
        return frozenset()
    return inside(output, names)


@contextmanager
def _staging(output: Path) -> Iterator[Path]:
    """Yield a hidden folder on the output's disk, which is gone when the block ends."""
    near = next(one for one in output.absolute().parents if one.is_dir())
    try:
        with hidden_folder(near) as hidden:
            yield hidden
    except OSError as error:
        raise output_error(output, error) from error


def _move(folder: Path, output: Path) -> None:
    """Move all files to their places, the log last."""
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    for one in sorted(files, key=lambda path: path.name == LOG):
        place = output / one.relative_to(folder)
        make_folder(place.parent)
        one.replace(place)
