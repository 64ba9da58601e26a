"""Many videos into folders: the network is loaded once, and one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..api import TrackSummary, track_to_folder
from ..errors import UsageError, explain
from ..files.progress import ProgressCallback
from ..media.reference import MaskInput
from ..tracking.engine import Engine
from .workers import EngineChoice, run_jobs


@dataclass(frozen=True, slots=True)
class TrackJob:
    """One video for `track_many`; the arguments of `track_to_folder`, but for the engine.

    ``options`` are the rest of its keywords. With several workers all can be pickled.
    """

    source: str | Path
    masks: MaskInput | None
    output: Path
    options: Mapping[str, Any] = field(default_factory=dict)

    def run(self, engine: Engine | Callable[[], Engine]) -> TrackSummary:
        """Track it; raises what `track_to_folder` raises."""
        return track_to_folder(self.source, self.masks, self.output, engine=engine, **self.options)


@dataclass(frozen=True, slots=True)
class TrackOutcome:
    """How a job went; produced by `track_many`. ``error`` is a sentence, empty if all went well."""

    job: TrackJob
    summary: TrackSummary | None = None
    error: str = ""


def track_many(
    jobs: Sequence[TrackJob],
    choice: EngineChoice | None = None,
    *,
    workers: int = 1,
    on_progress: ProgressCallback | None = None,
    on_start: Callable[[Engine], None] | None = None,
    on_clip: Callable[[TrackOutcome], None] | None = None,
) -> tuple[TrackOutcome, ...]:
    """Track each video into its folder; returns how each went, in the order of ``jobs``.

    All inputs and outputs are checked before the network that ``choice`` names is loaded. A job
    that fails, then or later, stops no other. ``workers`` videos are tracked at a time, on a CPU in
    processes: a program that asks for several does so under ``if __name__ == "__main__":``.
    ``on_clip`` is called as jobs end, in any order. Raises UsageError for jobs that share an
    output, and what `load_engine` raises.
    """
    _refuse_shared_outputs(jobs)
    outcomes: dict[Path, TrackOutcome] = {}

    def end(outcome: TrackOutcome) -> None:
        outcomes[outcome.job.output] = outcome
        if on_clip is not None:
            on_clip(outcome)

    for job in jobs:
        if error := _problem(job):
            end(TrackOutcome(job, error=error))
    good = [job for job in jobs if job.output not in outcomes]
    if good:
        choice = choice or EngineChoice()
        engine = choice.load(on_progress)
        if on_start is not None:
            on_start(engine)
        for outcome in run_jobs(
            good, _run, engine=engine, choice=choice, workers=workers, lost=_lost
        ):
            end(outcome)
    return tuple(outcomes[job.output] for job in jobs)


def _refuse_shared_outputs(jobs: Sequence[TrackJob]) -> None:
    sources: dict[Path, str | Path] = {}
    for job in jobs:
        if job.output in sources:
            raise UsageError(
                f"{sources[job.output]} and {job.source}",
                got=f"the same output for both, {job.output}",
                expected="a folder of its own for each",
                remedy="rename one of them, or track them one by one",
            )
        sources[job.output] = job.source


class _InputIsGoodError(Exception):
    """Raised where the network would be loaded."""


def _problem(job: TrackJob) -> str:
    """Say what is wrong with input or output, as far as one can tell without a network."""

    def stop() -> Engine:
        raise _InputIsGoodError

    try:
        job.run(stop)
    except _InputIsGoodError:
        return ""
    except Exception as error:
        return explain(error)
    raise AssertionError("track_to_folder asks for its engine")


def _run(job: TrackJob, engine: Engine) -> TrackOutcome:
    try:
        return TrackOutcome(job, job.run(engine))
    except Exception as error:
        return TrackOutcome(job, error=explain(error))


def _lost(job: TrackJob, why: str) -> TrackOutcome:
    return TrackOutcome(job, error=why)
