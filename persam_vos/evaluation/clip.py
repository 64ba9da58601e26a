"""One clip: track it, unless its masks are there already, and score it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.clips import Clip, FirstMask
from ..errors import DatasetError, OutputError, PersamVosError, explain, param
from ..media.image_reader import ImageSource
from ..media.label_png import write_label_png
from ..runtime.device import forget_peak_memory, peak_memory_bytes
from ..runtime.timer import StageTimer
from ..scoring import VOID_LABEL, SequenceScore
from ..scoring.clip import ClipTask, score_clip
from ..scoring.label_files import list_label_files, present_ids, read_label_file
from ..structures import Frame, LabelMap, TrackedFrame
from ..tracking.drive import drive
from ..tracking.engine import Engine
from ..tracking.plan import TrackPlan
from .clip_file import CLIP_FILE, begin_clip, finish_clip, read_clip
from .fingerprint import difference, digest_files

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What it took to track a clip; kept in ``clip.json``.

    ``peak_memory_bytes`` is of the device on CUDA, of the process elsewhere; with clips in other
    threads, of all of them since the last one began. ``busy_seconds`` do not count encoding then.
    """

    frame_count: int
    object_ids: tuple[int, ...]
    wall_seconds: float
    frames_per_second: float
    busy_seconds: dict[str, float]
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True)
class ClipJob:
    """What to do with a clip; produced by ``run``, consumed by ``run_clip``, maybe elsewhere.

    ``folder`` gets the masks; ``truth`` is the clip's folder of truth, None where there is none;
    ``finished`` tells that the masks are there.
    """

    clip: Clip
    single: bool
    folder: Path
    truth: Path | None
    fingerprint: dict[str, Any]
    finished: bool


@dataclass(frozen=True, slots=True)
class ClipOutcome:
    """How it went; produced by ``run_clip``. ``error`` is None when all went well."""

    name: str
    facts: ClipFacts | None = None
    score: SequenceScore | None = None
    reused: bool = False
    error: PersamVosError | None = None


def is_finished(folder: Path, fingerprint: dict[str, Any]) -> bool:
    """Tell whether a folder holds all masks of a clip, made with this fingerprint.

    Raises OutputError when they were made from something else. Masks that are incomplete, or have
    changed since, are not finished.
    """
    kept = read_clip(folder)
    if kept is None:
        return False
    if kept["fingerprint"] != fingerprint:
        raise OutputError(
            f"earlier results in {folder}",
            got=f"masks made with other {difference(kept['fingerprint'], fingerprint)}",
            expected="masks of this very run",
            remedy=f"choose another {param('output')}, or add {param('overwrite', True)}",
        )
    return bool(kept["masks"] == digest_files(list_label_files(folder)))


def run_clip(job: ClipJob, engine: Engine) -> ClipOutcome:
    """Track and score one clip; a failure is told in the outcome, and stops nothing else."""
    name = job.clip.name
    try:
        facts = _kept_facts(job) if job.finished else _track(job, engine)
        score = None if job.truth is None else _score(job, job.truth, job.folder)
    except Exception as error:
        return ClipOutcome(name, error=explain(error))
    return ClipOutcome(name, facts, score, reused=job.finished)


def score_as_missing(job: ClipJob, why: str) -> SequenceScore:
    """Score 0 for a clip that failed; raises ScoringError when its truth cannot be read."""
    assert job.truth is not None  # only splits with truth are scored
    score = _score(job, job.truth, None)
    return replace(score, notes=(*score.notes, f"failed: {why}"))


def first_label_maps(clip: Clip, size_hw: tuple[int, int], *, single: bool) -> dict[int, LabelMap]:
    """Read the first masks of a clip: labels (H, W) by frame index, at least one of them.

    255 is void beside other ids, and the object where it is the only value (as in scoring). Raises
    DatasetError for a mask of another size than the frames, or without its objects.
    """
    return {first.frame_index: _read_first(first, size_hw, single) for first in clip.first_masks}


def _read_first(first: FirstMask, size_hw: tuple[int, int], single: bool) -> LabelMap:
    labels = read_label_file(first.path)
    if labels.shape != size_hw:
        raise DatasetError(
            str(first.path),
            got=f"a mask of {labels.shape[1]} x {labels.shape[0]}",
            expected=f"{size_hw[1]} x {size_hw[0]}, as the frames",
            remedy="annotate the frames at their own size",
        )
    present = present_ids(labels)
    if single or present == {VOID_LABEL}:
        labels, present = (labels > 0).astype(np.uint8), frozenset({1}) if present else frozenset()
    wanted = present - {VOID_LABEL} if first.object_ids is None else frozenset(first.object_ids)
    if not wanted or not wanted <= present:
        raise DatasetError(
            str(first.path),
            got=f"objects {sorted(present) or 'none'}",
            expected=f"the first mask of {sorted(wanted) or 'an object'}",
            remedy="correct the annotation",
        )
    return np.where(np.isin(labels, sorted(wanted)), labels, 0).astype(np.uint8)


def _track(job: ClipJob, engine: Engine) -> ClipFacts:
    """Write the masks of all frames, then the file that says so."""
    clip = job.clip
    started = time.perf_counter()
    forget_peak_memory(engine.compute)
    timer = StageTimer()
    source = ImageSource(clip.name, clip.images)
    references = first_label_maps(clip, source.info.size_hw, single=job.single)
    start = min(references)
    plan = TrackPlan(source, references, start, "forward")
    begin_clip(job.folder, [f"{image.stem}.png" for image in clip.images])
    for image in clip.images[:start]:  # nothing can be seen before it was shown
        write_label_png(job.folder / f"{image.stem}.png", np.zeros(source.info.size_hw, np.uint8))
    drive(plan, engine, _MaskWriter(job.folder, timer), timer=timer)
    wall_seconds = time.perf_counter() - started
    _log.info("%s tracked in %.1f s, masks in %s", clip.name, wall_seconds, job.folder)
    facts = ClipFacts(
        frame_count=len(clip.images),
        object_ids=tuple(
            sorted({i for labels in references.values() for i in present_ids(labels)})
        ),
        wall_seconds=round(wall_seconds, 3),
        frames_per_second=round(len(clip.images) / wall_seconds, 3),
        busy_seconds={stage: round(seconds, 3) for stage, seconds in timer.seconds.items()},
        peak_memory_bytes=peak_memory_bytes(engine.compute),
    )
    finish_clip(
        job.folder,
        {"name": clip.name, "fingerprint": job.fingerprint, "facts": asdict(facts)},
    )
    return facts


@dataclass(frozen=True, slots=True)
class _MaskWriter:
    """Writes masks, and nothing else."""

    folder: Path
    timer: StageTimer

    def write(self, tracked: TrackedFrame) -> None:
        with self.timer.measure("write"):
            write_label_png(self.folder / f"{tracked.name}.png", tracked.label_map)

    write_backwards = write

    def catch_up(self, frames_from: Callable[[int], Iterator[Frame]]) -> None:
        """Do nothing: masks are written as they come."""


def _kept_facts(job: ClipJob) -> ClipFacts:
    kept = read_clip(job.folder)
    if kept is None:
        raise OutputError(f"{job.folder / CLIP_FILE}", got="nothing", expected="what was there")
    facts = kept["facts"]
    return ClipFacts(**(facts | {"object_ids": tuple(facts["object_ids"])}))


def _score(job: ClipJob, truth: Path, masks: Path | None) -> SequenceScore:
    return score_clip(
        ClipTask(
            name=job.clip.name,
            prediction_dir=masks,
            truth_dir=truth,
            single_object=job.single,
            object_ids=job.clip.object_ids,
            void_label=None,
            allow_missing=masks is None,
        )
    )
