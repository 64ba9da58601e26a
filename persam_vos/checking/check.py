"""The doctor: look at a video and its masks, measure a few frames, and say what will happen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from ..config import MethodSettings
from ..errors import PersamVosError, UsageError
from ..media.reader import Source, open_source
from ..media.reference_masks import ReferenceMasks
from ..request import TrackRequest
from ..structures import LabelMap
from ..tracking.engine import Engine
from ..tracking.plan import TrackPlan, input_files, plan_source
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
    settings: MethodSettings,
    *,
    engine: Callable[[], Engine] | None = None,
    started_seconds: float = 0.0,
    on_frame: Callable[[], None] | None = None,
) -> Report:
    """Find out what can be known of a request before it is run.

    ``engine`` loads one that a few frames are timed with; without it nothing is measured.
    ``started_seconds`` is what starting the program takes, for the estimate. ``on_frame`` is called
    for each frame that is decoded. Raises UsageError for parameters that contradict each other;
    what is wrong with files is in the report.
    """
    files = tuple(read_mask_file(path) for path in dict.fromkeys(input_files(request)))
    findings = list(file_findings(files))
    try:
        source = open_source(request.source, reader=request.reader)
        facts = probe(source, count=True)
    except UsageError:
        raise
    except PersamVosError as error:
        return Report(None, mask_files=files, findings=(Finding.of(error), *findings))
    count, ended, failure = _read(source, on_frame)
    about = [*video_findings(facts), *reading_findings(facts, count, failure, to_the_end=ended)]
    report = Report(facts, count, files, findings=(*about, *findings))
    try:
        plan, reference = _plan(source, request)
    except UsageError:
        raise
    except PersamVosError as error:
        return _with(report, Finding.of(error))
    objects = _measure(plan)
    findings = list(plan_findings(plan, reference, settings, objects))
    report = replace(_with(report, *findings), objects=objects)
    if engine is None or report.fails:
        return report
    total = count if ended else facts.frame_count or count
    return _timed(report, plan, engine, request, total, started_seconds)


def fix_masks(request: TrackRequest, path: Path, *, speck_px: int | None = None) -> CleanMask:
    """Write a clean mask of a request's start frame to a file, and say what was changed.

    ``speck_px`` is the area below which pieces and holes go. Raises MediaError or MaskError for
    input that nothing can be made of, OutputError for a file that is there or cannot be written.
    """
    assert request.masks is not None, "the caller has seen to it"
    size_hw = open_source(request.source, reader=request.reader).info.size_hw
    clean = clean_masks(
        request.masks,
        size_hw,
        speck_px=speck_px or default_speck_px(size_hw),
        objects=request.objects,
    )
    write_clean_mask(path, clean)
    return clean


def quick_findings(
    request: TrackRequest, plan: TrackPlan, reference: ReferenceMasks, settings: MethodSettings
) -> tuple[Finding, ...]:
    """Return the warnings that can be had in a moment, without reading the video."""
    files = [read_mask_file(path) for path in dict.fromkeys(input_files(request))]
    found = [*video_findings(probe(plan.source, count=False)), *file_findings(files)]
    found += plan_findings(plan, reference, settings, _measure(plan))
    return tuple(one for one in found if one.severity == "warning")


def plan_findings(
    plan: TrackPlan,
    reference: ReferenceMasks,
    settings: MethodSettings,
    objects: dict[int, tuple[ObjectFacts, ...]],
) -> Iterator[Finding]:
    """Yield what is odd about the objects of a plan, frame by frame."""
    yield from (Finding("warning", "", words) for words in reference.warnings)
    size_hw = plan.source.info.size_hw
    for frame, shown in objects.items():
        where = f"frame {frame}"
        yield from object_findings(shown, size_hw, settings, where)
        yield from crop_note(shown, cropped_ids(shown, size_hw, settings), where)


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


def _plan(source: Source, request: TrackRequest) -> tuple[TrackPlan, ReferenceMasks]:
    """Plan the run; without any object, one of an object that stands for those to come."""
    if request.masks is None and not (
        request.later_masks or request.prompts or request.rough_masks
    ):
        request = replace(request, masks=_stand_in(source.info.size_hw))
    return plan_source(source, request)


def _stand_in(size_hw: tuple[int, int]) -> LabelMap:
    height, width = size_hw
    rows, columns = (
        slice(side // _STAND_IN, max(side // _STAND_IN + 1, side - side // _STAND_IN))
        for side in (height, width)
    )
    labels = np.zeros(size_hw, np.uint8)
    labels[rows, columns] = 1
    return labels


def _measure(plan: TrackPlan) -> dict[int, tuple[ObjectFacts, ...]]:
    speck_px = default_speck_px(plan.source.info.size_hw)
    return {
        frame: measure_objects(labels, speck_px)
        for frame, labels in sorted(plan.references.items())
        if not callable(labels)
    }


def _timed(
    report: Report,
    plan: TrackPlan,
    engine: Callable[[], Engine],
    request: TrackRequest,
    total: int,
    started_seconds: float,
) -> Report:
    """Add what the run will take; what stops the trial would stop the run too."""
    begun = time.perf_counter()
    try:
        loaded = engine()
        plan = make_references(plan, loaded)
        started_seconds += time.perf_counter() - begun
        known = plan.start + 1 if not plan.has_forward else total
        ahead = known if plan.has_backward else max(1, known - plan.start)
        found = estimate(plan, loaded, frame_count=ahead, overlay=request.overlay)
    except UsageError:
        raise
    except PersamVosError as error:
        return _with(report, Finding.of(error))
    start = started_seconds + found.start_seconds
    return replace(report, estimate=replace(found, start_seconds=start))


def _with(report: Report, *findings: Finding) -> Report:
    """Add findings that are not there yet."""
    return replace(report, findings=tuple(dict.fromkeys((*report.findings, *findings))))
