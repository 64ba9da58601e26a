"""Segment photos: one after the other, lazily, or all of them into a folder."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..api import load_engine
from ..errors import PersamVosError
from ..files.journal import Record
from ..files.output import remove_files
from ..media.image_reader import read_photo
from ..media.sandbox import ProbeAhead
from ..scoring.label_files import present_ids
from ..stages.prompts import box_of
from ..structures import LabelMap, RgbImage
from ..targets.target import Target
from ..tracking.engine import Engine
from .any_size import segment_any_size
from .cards import confidence_card, picture_card
from .folder import (
    JOURNAL,
    check_folder,
    clear_unfinished,
    finish,
    instance_annotations,
    read_log,
    save_photo,
)
from .inputs import find_photos, names_of
from .journal import Journal
from .learn import digest_of, loaded_target, make_reference, read_reference
from .make import new_photo_method
from .match import MatchPhotos
from .method import PhotoMethod, PhotoObject, PhotoReference, merged_labels
from .request import ReferencePhoto, SegmentRequest, check_shown
from .settings import PhotoSettings

_log = logging.getLogger(__name__)

EngineOrLoader = Engine | Callable[[], Engine] | None


@dataclass(frozen=True, slots=True)
class SegmentedPhoto:
    """A photo and what was found in it; produced by `segment`.

    ``image`` is (H, W, 3) uint8 RGB, upright; ``label_map`` (H, W) uint8 has the ids of the
    references; ``objects`` has an entry for each object, found or not, in ascending order of id.
    ``cut`` tells that the end of the file is missing, and grey.
    """

    path: Path
    image: RgbImage
    label_map: LabelMap
    objects: tuple[PhotoObject, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class SegmentSummary:
    """What a finished run wrote; produced by `segment_to_folder`.

    ``found`` says in how many photos each object was found; ``failures`` are the photos that could
    not be read, and why; of ``cut`` ones the end is missing. ``resumed`` photos were finished by an
    earlier run.
    """

    output: Path
    photo_count: int
    object_ids: tuple[int, ...]
    found: dict[int, int]
    failures: dict[str, str]
    cut: tuple[str, ...]
    resumed: int
    wall_seconds: float


def segment(
    photos: Sequence[str | Path] | str | Path,
    references: Sequence[ReferencePhoto | tuple[str | Path, str | Path]] = (),
    *,
    target: Target | str | Path | None = None,
    settings: PhotoSettings | None = None,
    engine: Engine | None = None,
) -> Iterator[SegmentedPhoto]:
    """Find the objects of references in photos, one photo after the other, lazily.

    ``photos`` are files, folders or globs; ``references`` are `ReferencePhoto`s, or pairs of an
    image file and a mask file; or ``target`` is what `fit_target` made. The input is checked, and
    objects are learned, at once. Raises UsageError, MediaError or MaskError for what cannot be
    understood; MediaError when the turn of a photo that cannot be read has come.

    >>> for photo in segment("photo.jpg", [("photo.jpg", "photo.png")], engine=engine):
    ...     print(photo.path.name, [one.object_id for one in photo.objects if one.present])
    photo.jpg [1, 2, 3]
    """
    settings = settings or PhotoSettings()
    shown = [
        one if isinstance(one, ReferencePhoto) else ReferencePhoto(image=one[0], masks=one[1])
        for one in references
    ]
    check_shown(shown, target, settings)
    paths = find_photos([photos] if isinstance(photos, str | Path) else photos)
    read = [read_reference(one, _log.warning) for one in shown]
    engine = engine or load_engine(settings=settings.engine_settings())
    method = new_photo_method(engine, settings)
    _learn(method, [make_reference(one, engine) for one in read], target)
    return (_segmented(method, path) for path in paths)


def segment_to_folder(
    request: SegmentRequest,
    *,
    engine: EngineOrLoader = None,
    on_start: Callable[[int, int], None] = lambda _done, _total: None,
    on_photo: Callable[[], None] = lambda: None,
    on_warning: Callable[[str], None] = _log.warning,
) -> SegmentSummary:
    """Find objects in photos, and write masks, cut-outs, COCO, `segment.json` and an overview.

    Memory does not depend on the number of photos. A photo that cannot be read is listed and passed
    over. ``engine`` may be a function that loads one, once the input is known to be good;
    ``on_start`` gets the numbers of photos that are finished and of all. Raises what `segment`
    raises, but for photos, and OutputError for an output that exists or cannot be written.
    """
    started = time.perf_counter()
    paths = find_photos(request.photos)
    inputs = {*paths, *request.reference_files}
    old = check_folder(
        request.output, overwrite=request.overwrite, resume=request.resume, inputs=inputs
    )
    read = [read_reference(one, on_warning) for one in request.references]
    coco = find_spec("pycocotools") is not None
    if not coco:
        on_warning("coco.json is left out: pip install 'persam-vos[export]' to have it written")
    digest = digest_of(request.references, request.reference_files, request.settings)
    if request.resume and (finished := _finished_before(request.output, digest, started)):
        return finished
    loaded = engine if isinstance(engine, Engine) else _load(engine, request.settings)
    method = new_photo_method(loaded, request.settings)
    references = [make_reference(one, loaded) for one in read]
    _learn(method, references, request.target)
    remove_files(old)
    clear_unfinished(request.output)
    request.output.mkdir(parents=True, exist_ok=True)
    journal = Journal(request.output / JOURNAL)
    facts = _facts(request, loaded, method, references) | {"digest": digest}
    with journal:
        done = journal.begin(digest)
        todo = [
            pair for pair in zip(paths, names_of(paths), strict=True) if str(pair[0]) not in done
        ]
        on_start(len(paths) - len(todo), len(paths))
        for path, name, check in _checked(todo, sandbox=request.sandbox):
            journal.add(_record(request, method, path, name, check, coco=coco))
            on_photo()
        finish(request.output, journal, facts, coco=coco)
    summary = _finished(request.output, read_log(request.output) or {}, started, len(done))
    remove_files([journal.path])
    return summary


def _load(engine: Callable[[], Engine] | None, settings: PhotoSettings) -> Engine:
    return load_engine(settings=settings.engine_settings()) if engine is None else engine()


def _learn(
    method: PhotoMethod, references: Sequence[PhotoReference], target: Target | str | Path | None
) -> None:
    if target is None:
        method.learn(references)
    else:
        assert isinstance(method, MatchPhotos), "checked with the request"
        method.use(loaded_target(target))


def _segmented(method: PhotoMethod, path: Path) -> SegmentedPhoto:
    image, cut = read_photo(path)
    objects = segment_any_size(method, image)
    labels = merged_labels(objects, (image.shape[0], image.shape[1]))
    return SegmentedPhoto(path, image, labels, objects, cut)


def _checked(
    photos: Sequence[tuple[Path, str]], *, sandbox: bool
) -> Iterator[tuple[Path, str, Callable[[], None]]]:
    """Yield photos and names, with what raises MediaError for one that is not to be opened."""
    if not sandbox:
        yield from ((path, name, lambda: None) for path, name in photos)
        return
    with ProbeAhead([str(path) for path, _ in photos]) as probe:
        for index, (path, name) in enumerate(photos):
            yield path, name, partial(probe.wait, index)


def _record(
    request: SegmentRequest,
    method: PhotoMethod,
    path: Path,
    name: str,
    check: Callable[[], None],
    *,
    coco: bool,
) -> Record:
    """Segment a photo, write its files, and return what is told of it."""
    try:
        check()
        found = _segmented(method, path)
    except PersamVosError as error:
        return {"photo": {"photo": str(path), "error": str(error)}}
    height, width = found.label_map.shape
    files = save_photo(request.output, name, found.image, found.label_map, cutout=request.cutouts)
    pairs = [(one.object_id, each) for one in found.objects for each in one.instances]
    hottest = max(found.objects, key=lambda one: one.presence).confidence
    return {
        "photo": {
            "photo": str(path),
            "name": name,
            "size_hw": [height, width],
            "cut": found.cut,
            **files,
            "objects": [_object_facts(one) for one in found.objects],
        },
        "coco": instance_annotations(pairs) if coco else [],
        "card": {
            "picture": picture_card(found.image, found.label_map, found.objects),
            "confidence": confidence_card(found.image, hottest),
        },
    }


def _object_facts(one: PhotoObject) -> dict[str, Any]:
    return {
        "object_id": one.object_id,
        "present": one.present,
        "presence": round(one.presence, 4),
        "score": round(one.score, 4),
        "area_px": int(one.mask.sum()),
        "box_xyxy": box_of(one.mask),
        "prompt_points": [[round(x, 1), round(y, 1), label] for x, y, label in one.points],
        "prompt_box_xyxy": one.box_xyxy,
        "instances": [
            {
                "score": round(each.score, 4),
                "area_px": int(each.mask.sum()),
                "box_xyxy": box_of(each.mask),
            }
            for each in one.instances
        ],
    }


def _facts(
    request: SegmentRequest,
    engine: Engine,
    method: PhotoMethod,
    references: Sequence[PhotoReference],
) -> dict[str, Any]:
    """Say what was run on what."""
    settings = asdict(request.settings) | {"without": sorted(request.settings.without)}
    shown = [
        {
            "image": Path(one.image).name,
            "object_ids": sorted(present_ids(made.labels)),
            "card": picture_card(made.image, made.labels),
        }
        for one, made in zip(request.references, references, strict=True)
    ]
    return {
        "version": version("persam-vos"),
        "command": request.command,
        "settings": settings,
        "weights": dict(engine.weights),
        "references": shown,
        "target": str(request.target) if isinstance(request.target, str | Path) else None,
        "object_ids": list(method.object_ids),
    }


def _finished_before(output: Path, digest: str, started: float) -> SegmentSummary | None:
    """Summarise the same run, if it was finished and what it says of itself is whole."""
    told = read_log(output) or {}
    if told.get("digest") != digest:
        return None
    try:
        return _finished(output, told, started)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _finished(
    output: Path, told: dict[str, Any], started: float, resumed: int | None = None
) -> SegmentSummary:
    """Summarise a finished run; all of it was there already if ``resumed`` is None."""
    photos = told["photos"]
    read = [one for one in photos if "error" not in one]
    found = {
        i: sum(
            one["present"] for photo in read for one in photo["objects"] if one["object_id"] == i
        )
        for i in told["object_ids"]
    }
    return SegmentSummary(
        output=output,
        photo_count=len(photos),
        object_ids=tuple(told["object_ids"]),
        found=found,
        failures={one["photo"]: one["error"] for one in photos if "error" in one},
        cut=tuple(one["photo"] for one in read if one.get("cut")),
        resumed=len(photos) if resumed is None else resumed,
        wall_seconds=time.perf_counter() - started,
    )
