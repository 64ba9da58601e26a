"""One run into a folder: what is there of it, what is tracked, what is made of that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from ..checking.check import quick_warnings
from ..exports.run import Exported, OnStart, export_all, export_places, refuse_existing_exports
from ..files.output_lock import may_be_held, output_lock
from ..media.output_folder import OutputFolder, OverlayStyle
from ..media.output_paths import LOG, MASKS, TRACE, check_output
from ..media.reference_masks import ReferenceMasks
from ..media.run_state import RESUME
from ..media.track_log import read_log
from ..request import TrackRequest
from ..runtime.profiler import Profiler
from ..runtime.timer import StageTimer
from ..structures import TrackedFrame
from ..tracking.checkpoints import Checkpoints
from ..tracking.drive import drive
from ..tracking.engine import Engine
from ..tracking.plan import TrackPlan, input_files, plan_request
from ..tracking.resume import IDENTITY, Resumption, find_resumption
from ..tracking.run_facts import late_facts, not_captured, run_facts, run_totals
from ..tracking.run_identity import run_identity
from ..tracking.start import make_references
from ..tracking.target_search import OnLook
from .outcome import TrackStart, TrackSummary

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunEvents:
    """What is called as a run goes on, and what is asked; as in `track_to_folder`."""

    on_start: Callable[[TrackStart], None] | None
    on_frame: Callable[[TrackedFrame], None] | None
    on_look: OnLook | None
    should_stop: Callable[[], bool]
    on_export: OnStart
    on_export_frame: Callable[[], None]


def run_to_folder(
    request: TrackRequest, engine: Engine | Callable[[], Engine], events: RunEvents
) -> TrackSummary:
    """Track as `track_to_folder` does; raises what that raises."""
    started = time.perf_counter()
    plan, reference = plan_request(request)
    if not may_be_held(request.folder, RESUME):
        _refuse_output(request, plan)  # what is refused is not touched
    with output_lock(request.folder, RESUME):
        profile = Profiler(request.folder / TRACE) if request.profile else None
        with profile or nullcontext(StageTimer()) as timer:
            folder = _output_folder(request, plan, timer)
            run = _Run(request, plan, reference, folder, _load(engine, timer), timer, started)
            summary = run.finished(events) or run.track(events)
    return _with_profile(summary, timer)


class _Run:
    """One run into a folder, once its input is known to be good and its network loaded."""

    def __init__(
        self,
        request: TrackRequest,
        plan: TrackPlan,
        reference: ReferenceMasks,
        folder: OutputFolder,
        engine: Engine,
        timer: StageTimer,
        started: float,
    ) -> None:
        self._started = started
        self._request, self._plan, self._reference = request, plan, reference
        self._folder, self._engine, self._timer = folder, engine, timer
        self._identity = run_identity(request, plan, engine)
        self._resumption = Resumption()
        if request.resume:
            self._resumption = find_resumption(
                request.folder,
                self._identity,
                has_backward=plan.has_backward,
                anyway=request.resume == "anyway",
            )

    def finished(self, events: RunEvents) -> TrackSummary | None:
        """Return what is there, with its exports, if that is all that was asked for."""
        if not self._resumption.finished:
            return None
        log = read_log(self._folder.path / LOG)
        return TrackSummary(
            output=self._folder.path,
            masks=self._folder.path / MASKS,
            overlay=self._folder.overlay_path,
            log=self._folder.path / LOG,
            frame_count=log["frame_count"],
            object_ids=tuple(log["object_ids"]),
            wall_seconds=log["wall_seconds"],
            warnings=tuple(log["warnings"]),
            absent={int(i): [(a, b) for a, b in spans] for i, spans in log["absent"].items()},
            exports=tuple(one.path for one in self._missing_exports(events)),
            note=self._resumption.note,
        )

    def track(self, events: RunEvents) -> TrackSummary:
        """Track what is not there yet, write it, and what is made of it."""
        request, folder, engine, timer = self._request, self._folder, self._engine, self._timer
        plan = make_references(self._plan, engine, events.on_look)
        more = quick_warnings(plan, engine.settings)
        self._reference = reference = _with_warnings(self._reference, more)
        if events.on_start is not None:
            events.on_start(_start(plan, reference, engine, self._resumption))
        facts = run_facts(engine, plan, reference, request) | {IDENTITY: self._identity}
        others = [TRACE] if request.profile else []
        folder.describe(facts, others=others, identity=self._identity)
        if request.resume:
            folder.go_on(self._resumption.kept, self._resumption.stale)
        checkpoints = Checkpoints(
            folder,
            engine,
            plan,
            timer,
            self._resumption,
            request.checkpoint_every,
            request.keep_checkpoints,
            events.should_stop,
        )
        with folder:
            drive(
                plan, engine, folder, timer=timer, on_frame=events.on_frame, checkpoints=checkpoints
            )
            count, seconds = folder.frame_count, time.perf_counter() - self._started
            folder.finish(late_facts(plan) | run_totals(engine, timer, count, seconds))

        def on_export_frame() -> None:
            events.on_export_frame()
            checkpoints.stop()

        exported = export_all(
            folder.path,
            request.chosen_exports(),
            overwrite=self._replaces,
            source=self._network_source,
            on_start=events.on_export,
            on_frame=on_export_frame,
        )
        checkpoints.settle()
        _log.info("%s frames tracked in %.1f s, results in %s", count, seconds, folder.path)
        return self._summary(plan, exported, count, seconds)

    @property
    def _replaces(self) -> bool:
        return self._request.overwrite or bool(self._request.resume)

    def _missing_exports(self, events: RunEvents) -> tuple[Exported, ...]:
        """Write the exports of a finished run, unless all of them are there."""
        exports, folder = self._request.chosen_exports(), self._folder.path
        same = read_log(folder / LOG)[IDENTITY]["exports"] == self._identity["exports"]
        if same and all(path.exists() for path in export_places(folder, exports)):
            return ()
        return export_all(
            folder,
            exports,
            overwrite=True,
            source=self._network_source,
            on_start=events.on_export,
            on_frame=events.on_export_frame,
        )

    @property
    def _network_source(self) -> str | None:
        """The address that exports may read the pictures from, if the user allowed it."""
        return str(self._request.source) if self._request.allow_network else None

    def _summary(
        self, plan: TrackPlan, exported: Sequence[Exported], count: int, seconds: float
    ) -> TrackSummary:
        folder = self._folder
        kept = self._resumption.kept
        return TrackSummary(
            output=folder.path,
            masks=folder.path / MASKS,
            overlay=folder.overlay_path,
            log=folder.path / LOG,
            frame_count=count,
            kept_count=kept.backward + kept.forward,
            object_ids=self._reference.object_ids,
            wall_seconds=seconds,
            warnings=_all_warnings(plan, self._reference, folder, exported),
            absent=folder.visibility.spans(),
            not_captured=not_captured(self._engine, self._timer),
            exports=tuple(one.path for one in exported),
            sighting=plan.sighting,
            found_again=plan.found_again,
            note=self._resumption.note,
        )


def _load(engine: Engine | Callable[[], Engine], timer: StageTimer) -> Engine:
    """Return the engine, loaded if need be."""
    with timer.part("load"):
        loaded = engine if isinstance(engine, Engine) else engine()
    if isinstance(timer, Profiler):
        timer.compute = loaded.compute
    return loaded


def _with_profile(summary: TrackSummary, timer: StageTimer) -> TrackSummary:
    """Add where the time went, if that was asked for."""
    if isinstance(timer, Profiler):
        return replace(summary, trace=timer.trace, stages=timer.stages)
    return summary


def _with_warnings(reference: ReferenceMasks, more: Iterable[str]) -> ReferenceMasks:
    return replace(reference, warnings=(*reference.warnings, *more))


def _all_warnings(
    plan: TrackPlan, reference: ReferenceMasks, folder: OutputFolder, exported: Iterable[Exported]
) -> tuple[str, ...]:
    """Return what the user should know of input, output and exports."""
    of_exports = (warning for one in exported for warning in one.warnings)
    return (*plan.source.warnings, *reference.warnings, *folder.warnings, *of_exports)


def _refuse_output(request: TrackRequest, plan: TrackPlan) -> None:
    """Raise OutputError, as `_output_folder` does, for results that may not be written."""
    resume, overwrite = bool(request.resume), request.overwrite
    exports = request.chosen_exports()
    refuse_existing_exports(request.folder, exports, overwrite=overwrite or resume)
    inputs = input_files(request, plan.source)
    check_output(
        request.folder, plan.source.info, overwrite=overwrite, resume=resume, inputs=inputs
    )


def _output_folder(request: TrackRequest, plan: TrackPlan, timer: StageTimer) -> OutputFolder:
    """Open the folder that a request's results go to."""
    exports, resume = request.chosen_exports(), bool(request.resume)
    refuse_existing_exports(request.folder, exports, overwrite=request.overwrite or resume)
    style = OverlayStyle(alpha=request.alpha, constant_rate=request.constant_rate)
    return OutputFolder(
        request.folder,
        plan.source.info,
        overlay=style if request.overlay else None,
        overwrite=request.overwrite,
        timer=timer,
        inputs=input_files(request, plan.source),
        resumable=True,
        resume=resume,
    )


def _start(
    plan: TrackPlan, reference: ReferenceMasks, engine: Engine, resumption: Resumption
) -> TrackStart:
    """Say what is known as tracking begins."""
    return TrackStart(
        plan.frame_count,
        plan.source.info.size_hw,
        reference,
        engine,
        (*plan.source.warnings, *reference.warnings),
        plan.sighting,
        resumption.kept.backward + resumption.kept.forward,
        resumption.note,
    )
