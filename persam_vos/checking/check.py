"""The doctor: look at a video and its masks, measure a few frames, and say what will happen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from ..config import MethodSettings
from ..errors import PersamVosError, UsageError
from ..media.reader import Source, open_source
from ..media.reference_masks import mask_files
from ..media.selection import select
from ..request import TrackRequest
from ..structures import LabelMap
from ..tracking.engine import Engine
from ..tracking.plan import TrackPlan, plan_source
from ..tracking.start import make_references
from .clean import CleanMask, clean_masks, write_clean_mask
from .estimate import Estimate, estimate
from .findings import Finding
from .mask_facts import ObjectFacts, default_speck_px, measure_objects
from .mask_file import MaskFile, read_mask_file
from .mask_findings import crop_note, cropped_ids, file_findings, object_findings
from .probe import VideoFacts, probe
from .video_findings import reading_findings, video_findings

MOST_DECODED = 1000
"""Frames that are decoded to see whether they can be."""
_STAND_IN = 3  # without masks an object is timed that is a third of the picture high and wide


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out about an input; produced by `check`, consumed by the command line.

    ``video`` is None where it cannot be opened. ``frames_read`` were decoded. ``objects`` are by
    the frame of their mask; ``estimate`` is None where nothing was measured.
    """

    video: VideoFacts | None
    frames_read: int = 0
    mask_files: tuple[MaskFile, ...] = ()
    objects: dict[int, tuple[ObjectFacts, ...]] = field(default_factory=dict)
    estimate: Estimate | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether a run would fail."""
        return any(one.severity == "error" for one in self.findings)


def check(
    request: TrackRequest,
    *,
    settings: MethodSettings | None = None,
    engine: Callable[[], Engine] | None = None,
    started_seconds: float = 0.0,
    on_frame: Callable[[], None] | None = None,
) -> Report:
    """Find out what can be known of a request before it is run.

    ``settings`` are those that it will be run with. ``engine`` loads one that a few frames are
    timed with; without it nothing is measured. A request without any object is timed with one that
    stands for those to come. ``started_seconds`` is what starting the program takes, for the
    estimate. ``on_frame`` is called for each frame that is decoded. Raises UsageError for
    parameters that contradict each other; what is wrong with files is in the report.

    >>> report = check(TrackRequest(source="clip.mp4", masks="first_mask.png"))
    >>> report.fails, report.video.info.size_hw, [one.area_px for one in report.objects[0]]
    (False, (90, 160), [380, 1583, 988])
    """
    settings = settings or MethodSettings()
    given = (request.masks, *request.later_masks.values(), *request.rough_masks.values())
    paths = dict.fromkeys(path for masks in given for path in mask_files(masks))
    files = tuple(read_mask_file(path, request.label_map) for path in paths)
    report = Report(None, mask_files=files, findings=tuple(file_findings(files)))
    try:
        source = select(open_source(request.source, options=request.reading), request.selection)
        facts = probe(source, stream=request.stream)
        report = replace(report, video=facts)
        count, ended, failure = _read(source, on_frame)
        about = [*video_findings(facts), *_told(source.warnings, f"{facts.info.path} ")]
        about += reading_findings(facts, count, failure, to_the_end=ended)
        report = replace(_with(report, *about), frames_read=count)
        shown = _shows_objects(request)
        if not shown:
            request = replace(request, masks=_stand_in(source.info.size_hw))
        plan, reference = plan_source(source, request)
        objects = _measure(plan) if shown else {}
        report = replace(report, objects=objects)
        report = _with(report, *_told(reference.warnings), *plan_findings(objects, plan, settings))
        if engine is None or report.fails:
            return report
        total = count if ended else source.info.frame_count or max(count, facts.counted or 0)
        found = _time(plan, engine, request, total)
        if found is None:
            unseen = Finding("warning", str(request.target), "objects that are not in the video")
            return _with(report, unseen)
    except UsageError:
        raise
    except PersamVosError as error:
        return report if _known(report, error) else _with(report, Finding.of(error))
    start = started_seconds + found.start_seconds
    return replace(report, estimate=replace(found, start_seconds=start))


def fix_masks(request: TrackRequest, path: Path, *, speck_px: int | None = None) -> CleanMask:
    """Write a clean mask of a request's start frame to a file, and say what was changed.

    ``speck_px`` is the area below which pieces and holes go. Raises MediaError or MaskError for
    input that nothing can be made of, OutputError for a file that is there or cannot be written.
    """
    assert request.masks is not None, "the caller has seen to it"
    info = open_source(request.source, options=request.reading).info
    clean = clean_masks(
        request.masks,
        info.size_hw,
        speck_px=speck_px or default_speck_px(info.size_hw),
        objects=request.objects,
        options=replace(request.mask_options, pixel_aspect=info.pixel_aspect),
    )
    write_clean_mask(path, clean)
    return clean


def quick_warnings(plan: TrackPlan, settings: MethodSettings) -> tuple[str, ...]:
    """Return the warnings on a plan's objects, which take a moment, in sentences."""
    found = plan_findings(_measure(plan), plan, settings)
    return tuple(str(one) for one in found if one.severity == "warning")


def plan_findings(
    objects: Mapping[int, tuple[ObjectFacts, ...]], plan: TrackPlan, settings: MethodSettings
) -> Iterator[Finding]:
    """Yield what is odd about the objects of a plan, frame by frame."""
    size_hw = plan.source.info.size_hw
    if plan.roi is not None:
        size_hw = (plan.roi.height, plan.roi.width)
    for frame, shown in objects.items():
        where = f"frame {frame}"
        yield from object_findings(shown, size_hw, settings, where)
        yield from crop_note(shown, cropped_ids(shown, size_hw, settings), where)


def _told(warnings: Iterable[str], subject: str = "") -> Iterator[Finding]:
    """Turn sentences into findings, each on what it begins with."""
    for words in warnings:
        what, colon, got = words.partition(": ")
        if subject and words.startswith(subject):
            yield Finding("warning", subject.strip(), words.removeprefix(subject))
        elif colon:
            yield Finding("warning", what, got)
        else:
            yield Finding("warning", "", words)


def _known(report: Report, error: PersamVosError) -> bool:
    """Whether a mask file's finding says the same."""
    return any(str(file.problem) == str(error) for file in report.mask_files)


def _read(
    source: Source, on_frame: Callable[[], None] | None
) -> tuple[int, bool, PersamVosError | None]:
    """Decode frames: how many could be, whether those were all, and what stopped it."""
    count = 0
    try:
        with closing(source.frames()) as frames:
            for _ in islice(frames, MOST_DECODED):
                count += 1
                if on_frame is not None:
                    on_frame()
            return count, count < MOST_DECODED or next(frames, None) is None, None
    except PersamVosError as error:
        return count, False, error


def _shows_objects(request: TrackRequest) -> bool:
    """Whether anything in a request shows an object."""
    shown = (request.later_masks, request.prompts, request.rough_masks)
    return request.masks is not None or request.target is not None or any(shown)


def _stand_in(size_hw: tuple[int, int]) -> LabelMap:
    """Return the (H, W) labels of an object in the middle of the picture."""
    height, width = size_hw
    rows, columns = (
        slice(side // _STAND_IN, max(side // _STAND_IN + 1, side - side // _STAND_IN))
        for side in (height, width)
    )
    labels = np.zeros(size_hw, np.uint8)
    labels[rows, columns] = 1
    return labels


def _measure(plan: TrackPlan) -> dict[int, tuple[ObjectFacts, ...]]:
    return {
        frame: measure_objects(labels, default_speck_px((labels.shape[0], labels.shape[1])))
        for frame, labels in sorted(plan.references.items())
        if not callable(labels)
    }


def _time(
    plan: TrackPlan, engine: Callable[[], Engine], request: TrackRequest, total: int
) -> Estimate | None:
    """Say what the run will take of a source of ``total`` frames; raises what a run would raise.

    None if no object is tracked, since a target is not in the video.
    """
    begun = time.perf_counter()
    loaded = engine()
    plan = make_references(plan, loaded)
    if not plan.references:
        return None
    loading = time.perf_counter() - begun
    found = estimate(plan, loaded, total=total, overlay=request.overlay)
    return replace(found, start_seconds=loading + found.start_seconds)


def _with(report: Report, *findings: Finding) -> Report:
    """Add findings that are not there yet."""
    return replace(report, findings=tuple(dict.fromkeys((*report.findings, *findings))))
