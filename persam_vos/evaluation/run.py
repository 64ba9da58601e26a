"""All clips of a split: in this process or in several, resumed clip by clip."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..batch.workers import run_jobs
from ..datasets.clips import Split
from ..errors import DatasetError, PersamVosError
from ..files.atomic import write_texts
from ..files.progress import ProgressCallback
from ..request import EngineChoice
from ..scoring import SplitScore, score_folders
from ..tracking.engine import Engine
from ..tracking.load import load_choice
from .clip import ClipJob, ClipOutcome, is_finished, run_clip, score_as_missing
from .fingerprint import fingerprint, run_settings
from .report import write_report
from .results import (
    PREDICTIONS,
    check_output,
    output_folder,
    result_names,
    score_texts,
    write_run_file,
    write_submission,
)

RUN_VERSION = 1


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a run found; produced by `evaluate`, consumed by the command line.

    ``score`` is None where the split has no truth (``submission`` is then the archive to hand in),
    or where clips failed that may not be missing. ``outcomes`` are in the order of the split, none
    where predictions were scored.
    """

    output: Path | None
    score: SplitScore | None
    texts: dict[str, str]
    outcomes: tuple[ClipOutcome, ...] = ()
    submission: Path | None = None

    @property
    def failures(self) -> tuple[ClipOutcome, ...]:
        """The clips that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalEvents:
    """What `evaluate` calls as things happen, for those who show progress.

    ``on_progress`` as weights are fetched, ``on_engine`` when the network is loaded, ``on_clip`` as
    clips are finished, in any order.
    """

    on_progress: ProgressCallback | None = None
    on_engine: Callable[[Engine], None] | None = None
    on_clip: Callable[[ClipOutcome], None] | None = None


def evaluate(
    split: Split,
    output: Path,
    choice: EngineChoice,
    *,
    workers: int = 1,
    allow_missing: bool = False,
    overwrite: bool = False,
    command: str = "",
    events: EvalEvents | None = None,
) -> Evaluation:
    """Track all clips of a split, score them and write the files (see ``evaluation``).

    Clips that an earlier run finished with the same settings, weights and files are not tracked
    again; ``overwrite`` starts over. A clip that fails does not stop the others; there are then no
    scores, unless ``allow_missing`` takes them as 0. ``workers`` clips are tracked at a time (see
    `workers.run_jobs`). Raises OutputError for an output that exists and was made otherwise or
    cannot be written, and what `load_engine` raises.
    """
    events = events or EvalEvents()
    started = time.perf_counter()
    names = result_names(split)
    inputs = [path for clip in split.clips for path in clip.files]
    check_output(output, names, resume=True, overwrite=overwrite, inputs=inputs)
    engine = load_choice(choice, events.on_progress, share_cores=True)
    settings = run_settings(engine, split.mode)
    with output_folder(output, names, overwrite=overwrite):
        jobs = _jobs(split, output, settings)
        facts = _run_facts(split, output / PREDICTIONS, settings, command, workers)
        write_run_file(output, facts)
        if events.on_engine is not None:
            events.on_engine(engine)
        outcomes: dict[str, ClipOutcome] = {}
        for outcome in _run(jobs, engine, choice, workers):
            outcomes[outcome.name] = outcome
            if events.on_clip is not None:
                events.on_clip(outcome)
        ordered = tuple(outcomes[clip.name] for clip in split.clips)
        found = _conclude(split, output, jobs, ordered, settings, allow_missing=allow_missing)
        wall_seconds = time.perf_counter() - started
        write_run_file(output, facts | _ending(ordered, wall_seconds))
        if found.score is not None:
            write_report(output, split)
    return found


def evaluate_predictions(
    split: Split,
    predictions: Path,
    output: Path | None = None,
    *,
    workers: int = 0,
    allow_missing: bool = False,
    overwrite: bool = False,
    command: str = "",
) -> Evaluation:
    """Score the label maps that any tool made for a split (clips as subfolders), and write files.

    ``allow_missing`` scores what is missing 0; ``workers`` are as of `score_folders`. Raises
    DatasetError for a split without truth, ScoringError as `score_folders`, OutputError for an
    output that exists or cannot be written.
    """
    started = time.perf_counter()
    if not split.has_truth:
        raise DatasetError(
            f"split {split.name} of {split.dataset}",
            got="first masks only",
            expected="annotations of all frames",
            remedy="hand the predictions in at the benchmark's server",
        )

    names = result_names(split)
    if output is not None:
        check_output(output, names, resume=False, overwrite=overwrite)
    score = score_folders(
        predictions,
        split.truth_dir,
        sequences=[clip.name for clip in split.clips],
        object_mode=split.mode,
        object_ids={clip.name: clip.object_ids for clip in split.clips if clip.object_ids},
        allow_missing=allow_missing,
        workers=workers,
    )
    score = replace(score, notes=(*score.notes, *_notes(split)))
    texts = score_texts(score, split, None)
    if output is not None:
        with output_folder(output, names, overwrite=False):
            write_texts(output, texts)
            facts = _run_facts(split, predictions, None, command, workers)
            write_run_file(output, facts | _ending((), time.perf_counter() - started))
            write_report(output, split)
    return Evaluation(output, score, texts)


def _jobs(split: Split, output: Path, settings: dict[str, Any]) -> list[ClipJob]:
    """Say what there is to do for each clip; raises OutputError for stale masks."""
    jobs = []
    for clip in split.clips:
        print_of_clip = fingerprint(clip, settings)
        folder = output / PREDICTIONS / clip.name
        jobs.append(
            ClipJob(
                clip=clip,
                single=split.mode == "single",
                folder=folder,
                truth=split.truth_dir / clip.name if split.has_truth else None,
                fingerprint=print_of_clip,
                finished=is_finished(folder, print_of_clip),
            )
        )
    return jobs


def _run(
    jobs: Sequence[ClipJob], engine: Engine, choice: EngineChoice, workers: int
) -> Iterator[ClipOutcome]:
    """Yield outcomes as they come: first the finished clips, then the others."""
    waiting = [job for job in jobs if not job.finished]
    yield from (run_clip(job, engine) for job in jobs if job.finished)
    yield from run_jobs(
        waiting, run_clip, engine=engine, choice=choice, workers=workers, lost=_lost
    )


def _lost(job: ClipJob, error: PersamVosError) -> ClipOutcome:
    return ClipOutcome(job.clip.name, error=error)


def _conclude(
    split: Split,
    output: Path,
    jobs: Sequence[ClipJob],
    outcomes: tuple[ClipOutcome, ...],
    settings: dict[str, Any],
    *,
    allow_missing: bool,
) -> Evaluation:
    """Write the results, if there are any: those of a part of the split would pass for all."""
    found = Evaluation(output, None, {}, outcomes)
    if found.failures and not (allow_missing and split.has_truth):
        return found
    if not split.has_truth:
        return replace(found, submission=write_submission(output, split))
    scores = (
        outcome.score or score_as_missing(job, str(outcome.error))
        for job, outcome in zip(jobs, outcomes, strict=True)
    )
    score = SplitScore(tuple(scores), _notes(split))
    texts = score_texts(score, split, settings)
    write_texts(output, texts)
    return replace(found, score=score, texts=texts)


def _notes(split: Split) -> tuple[str, ...]:
    """Return what a reader of the scores has to know about all clips."""
    if all(first.frame_index == 0 for clip in split.clips for first in clip.first_masks):
        return ()
    return (
        "some objects appear later; frames before that count too, as right where nothing is shown",
    )


def _run_facts(
    split: Split,
    predictions: Path,
    settings: dict[str, Any] | None,
    command: str,
    workers: int,
) -> dict[str, Any]:
    return {
        "version": RUN_VERSION,
        "complete": False,
        "command": command,
        "dataset": split.dataset,
        "split": split.name,
        "mode": split.mode,
        "root": str(split.root.resolve()),
        "truth": str(split.truth_dir.resolve()),
        "predictions": str(predictions.resolve()),
        "settings": settings,
        "workers": workers,
    }


def _ending(outcomes: tuple[ClipOutcome, ...], wall_seconds: float) -> dict[str, Any]:
    return {
        "complete": not any(outcome.error for outcome in outcomes),
        "wall_seconds": round(wall_seconds, 3),
        "failures": {outcome.name: str(outcome.error) for outcome in outcomes if outcome.error},
        "clips": [
            {"name": outcome.name, **asdict(outcome.facts), "reused": outcome.reused}
            for outcome in outcomes
            if outcome.facts is not None
        ],
    }
