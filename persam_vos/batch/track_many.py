"""Many videos into folders: the network is loaded once, and one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..api import check_request, track_to_folder
from ..errors import PersamVosError, StoppedError, UsageError, explain
from ..files.progress import ProgressCallback
from ..media.reader import open_source
from ..request import EngineChoice, TrackRequest
from ..runs.outcome import TrackStart, TrackSummary
from ..structures import TrackedFrame
from ..tracking.engine import Engine
from ..tracking.load import load_choice
from ..tracking.plan import input_files
from .workers import run_jobs


@dataclass(frozen=True, slots=True)
class TrackOutcome:
    """How a request went; produced by `track_many`: a summary, or an error if it failed."""

    request: TrackRequest
    summary: TrackSummary | None = None
    error: PersamVosError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEvents:
    """What `track_many` calls as things happen, for those who show progress.

    ``on_progress`` as weights are fetched; ``on_engine`` when the network is loaded; ``on_outcome``
    as requests end, in any order. Where there is one worker only, ``on_start``, ``on_frame`` and
    ``should_stop`` as in `track_to_folder`; to stop ends all requests.
    """

    on_progress: ProgressCallback | None = None
    on_engine: Callable[[Engine], None] | None = None
    on_outcome: Callable[[TrackOutcome], None] | None = None
    on_start: Callable[[TrackRequest, TrackStart], None] | None = None
    on_frame: Callable[[TrackedFrame], None] | None = None
    should_stop: Callable[[], bool] = lambda: False


def track_many(
    requests: Sequence[TrackRequest],
    choice: EngineChoice | None = None,
    *,
    workers: int = 1,
    events: TrackEvents | None = None,
) -> tuple[TrackOutcome, ...]:
    """Track each video into its folder; returns how each went, in the order of ``requests``.

    All inputs and outputs are checked before the network that ``choice`` names is loaded. A request
    that fails, then or later, stops no other. ``workers`` videos are tracked at a time, on a CPU in
    processes: a program that asks for several does so under ``if __name__ == "__main__":``. Raises
    UsageError for requests that share an output, and what `load_engine` raises.
    """
    events = events or TrackEvents()
    _refuse_shared_outputs(requests)
    outcomes: dict[Path, TrackOutcome] = {}

    def end(outcome: TrackOutcome) -> None:
        outcomes[outcome.request.folder] = outcome
        if events.on_outcome is not None:
            events.on_outcome(outcome)

    inputs = _all_inputs(requests)
    for request in requests:
        if error := _problem(request, inputs):
            end(TrackOutcome(request, error=error))
    good = [request for request in requests if request.folder not in outcomes]
    if good:
        choice = choice or EngineChoice()
        engine = load_choice(choice, events.on_progress, share_cores=True)
        if events.on_engine is not None:
            events.on_engine(engine)
        # In other processes nobody can be called back.
        work = partial(_run, events=events) if workers == 1 else _run
        for outcome in run_jobs(
            good, work, engine=engine, choice=choice, workers=workers, lost=_lost
        ):
            end(outcome)
    return tuple(outcomes[request.folder] for request in requests)


def _refuse_shared_outputs(requests: Sequence[TrackRequest]) -> None:
    sources: dict[Path, str | Path] = {}
    for request in requests:
        folder = request.folder.resolve()
        if folder in sources:
            raise UsageError(
                f"{sources[folder]} and {request.source}",
                got=f"the same output for both, {request.folder}",
                expected="a folder of its own for each",
                remedy="rename one of them, or track them one by one",
            )
        sources[folder] = request.source


def _all_inputs(requests: Sequence[TrackRequest]) -> frozenset[Path]:
    """Return the files that any of the requests reads; those that cannot be read do not count."""
    found: set[Path] = set()
    for request in requests:
        with suppress(PersamVosError):
            source = open_source(request.source, options=request.reading)
            found.update(input_files(request, source))
    return frozenset(found)


def _problem(request: TrackRequest, inputs: frozenset[Path]) -> PersamVosError | None:
    """Say what is wrong with input or output, as far as one can tell without a network."""
    try:
        check_request(request, inputs=inputs)
    except Exception as error:
        return explain(error)
    return None


def _run(
    request: TrackRequest, engine: Engine, events: TrackEvents = TrackEvents()
) -> TrackOutcome:
    on_start = events.on_start and partial(events.on_start, request)
    try:
        summary = track_to_folder(
            request,
            engine=engine,
            on_start=on_start,
            on_frame=events.on_frame,
            should_stop=events.should_stop,
        )
    except StoppedError:
        raise
    except Exception as error:
        return TrackOutcome(request, error=explain(error))
    return TrackOutcome(request, summary)


def _lost(request: TrackRequest, error: PersamVosError) -> TrackOutcome:
    return TrackOutcome(request, error=error)
