"""Tracking a live source: the newest frame, again and again, until it ends or is stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from ..api import load_engine
from ..errors import MediaError
from ..media.output_paths import LOG, MASKS
from ..media.reference_masks import ReferenceMasks
from ..media.visibility import Span
from ..request import TrackRequest
from ..runs.outcome import TrackStart
from ..runtime.ordered_writer import OrderedWriter
from ..runtime.timer import StageTimer
from ..structures import Frame, SourceInfo, TrackedFrame
from ..tracking.engine import Engine
from ..tracking.plan import plan_source
from ..tracking.propagate import Propagation, Reference
from ..tracking.run_facts import engine_facts, input_facts, run_totals
from ..tracking.start import make_references
from .address import shown_name
from .capture import Capture, Captured
from .first_frame import FirstFrame
from .outputs import LiveOutputs
from .settings import LiveSettings, check_live
from .source import live_frames
from .window import OverlayWindow

_log = logging.getLogger(__name__)

Ending = Literal["end of the source", "interrupted", "window closed", "pipe closed"]


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """What became of the frames of a live source; part of `LiveSummary` and of the log.

    Of the ``received`` frames ``tracked`` were written, ``dropped`` left out because a newer one
    came while another was tracked, and ``damaged`` could not be decoded; those that still waited
    when the run was stopped are in none of them. Latencies are from the arrival of a frame to all
    that is written of it.
    """

    received: int
    tracked: int
    dropped: int
    damaged: int
    median_latency_seconds: float
    p95_latency_seconds: float


@dataclass(frozen=True, slots=True)
class LiveSummary:
    """How a live run went; produced by `track_live`, consumed by the command line.

    ``wall_seconds`` begin as the source is opened. ``absent`` is as in a `TrackSummary`; paths are
    None where no folder was written.
    """

    ending: Ending
    counts: LiveCounts
    wall_seconds: float
    object_ids: tuple[int, ...]
    warnings: tuple[str, ...]
    absent: dict[int, list[Span]] = field(default_factory=dict)
    masks: Path | None = None
    overlay: Path | None = None
    log: Path | None = None


def track_live(
    request: TrackRequest,
    settings: LiveSettings | None = None,
    *,
    engine: Engine | Callable[[], Engine] | None = None,
    on_start: Callable[[TrackStart], None] | None = None,
    on_frame: Callable[[TrackedFrame], None] | None = None,
) -> LiveSummary:
    """Label the frames of a live source as they arrive, until it ends or an interrupt comes.

    ``request.source`` is the number of a camera, as text; an address (rtsp, rtsps, http, https,
    tcp, udp or srt); or ``-``, see `LiveSettings`. Objects are shown on the first frame. Files go
    to ``request.output``, see `LiveSettings.folder`.

    The engine is loaded first, so that the first frame is a fresh one. An interrupt (Ctrl-C,
    KeyboardInterrupt) is a regular end: all files are finished. So is a reader of the pipe that
    goes away, and a window that is closed. ``on_start`` and ``on_frame`` are called as in
    `track_to_folder`.

    Raises UsageError for what cannot be asked of a live source, MediaError for one that cannot be
    read, stalls, breaks off or changes its size, MaskError for masks that cannot be understood,
    OutputError for an output that exists or cannot be written. What was finished before stays.
    """
    settings = settings or LiveSettings()
    check_live(request, settings)
    source = str(request.source)
    with ExitStack() as open_ones:
        window = None
        if settings.window:
            window = OverlayWindow(alpha=request.alpha)
            open_ones.callback(window.close)
        loaded = engine if isinstance(engine, Engine) else (engine or load_engine)()
        capture = Capture(
            partial(live_frames, source, settings),
            name=shown_name(source),
            drop=settings.drop,
            stall_seconds=settings.stall_timeout,
        )
        run = _LiveRun(request, settings, loaded, open_ones.enter_context(capture), window)
        return run.track(on_start or _ignore, on_frame or _ignore)


def _ignore(_: object) -> None:
    pass


class _LiveRun:
    """One run: a source, an engine, and what is counted."""

    def __init__(
        self,
        request: TrackRequest,
        settings: LiveSettings,
        engine: Engine,
        capture: Capture,
        window: OverlayWindow | None,
    ) -> None:
        self._request = request
        self._settings = settings
        self._engine = engine
        self._capture = capture
        self._window = window
        self._started = time.perf_counter()
        self._timer = StageTimer()
        self._damaged = 0

    def track(
        self,
        on_start: Callable[[TrackStart], None],
        on_frame: Callable[[TrackedFrame], None],
    ) -> LiveSummary:
        """Track until the end; returns how it went."""
        first, captured_frames = self._first()
        source = FirstFrame.of(first, self._capture.name)
        plan, reference = plan_source(source, self._request)
        plan = make_references(plan, self._engine)
        outputs = LiveOutputs(self._request, self._settings, source.info, self._timer)
        with outputs:
            outputs.describe(self._facts(source.info, reference))
            on_start(TrackStart(None, source.info.size_hw, reference, self._engine))
            frames = self._frames(captured_frames, source.info.size_hw)
            try:
                ending = self._follow(frames, plan.references, outputs, on_frame)
            except Exception as error:
                outputs.finish(self._totals(outputs, str(error)) | {"complete": False})
                raise
            outputs.finish(self._totals(outputs, ending))
        return self._summary(ending, reference, outputs)

    def _follow(
        self,
        frames: Iterator[tuple[Frame, float]],
        references: Mapping[int, Reference],
        outputs: LiveOutputs,
        on_frame: Callable[[TrackedFrame], None],
    ) -> Ending:
        """Track frames, each written while the next one is tracked; returns why it ended."""
        state = Propagation.start(self._engine, self._timer)
        try:
            with OrderedWriter(pending=1) as writer, outputs.hurrying():
                for frame, arrived in frames:
                    with self._timer.measure("encode"):
                        encoded = self._engine.encode(frame)
                    with self._timer.measure("track"):
                        tracked = state.advance(encoded, references.get(frame.index))
                    writer.submit(partial(outputs.write, tracked, arrived))
                    on_frame(tracked)
                    if self._window is not None and not self._window.show(tracked):
                        return "window closed"
        except KeyboardInterrupt:
            return "interrupted"
        except BrokenPipeError:
            return "pipe closed"
        return "end of the source"

    def _first(self) -> tuple[Captured, Iterator[Captured]]:
        """Wait for the first frame; returns it, and all frames from it on."""
        captured_frames = iter(self._capture)
        first = next(captured_frames, None)
        if first is None:
            raise MediaError(
                self._capture.name,
                got="a source that ended before its first frame",
                expected="at least one frame",
                remedy="check the program that is to send it",
            )
        return first, chain([first], captured_frames)

    def _frames(
        self, captured_frames: Iterator[Captured], size_hw: tuple[int, int]
    ) -> Iterator[tuple[Frame, float]]:
        """Convert frames, each with when it arrived; counts and passes over damaged ones."""
        for captured in captured_frames:
            try:
                with self._timer.measure("read"):
                    frame = captured.frame()
            except MediaError as error:
                _log.info("%s", error)
                self._damaged += 1
                continue
            if frame.size_hw != size_hw:
                raise self._other_size(frame, size_hw)
            yield frame, captured.arrived

    def _other_size(self, frame: Frame, size_hw: tuple[int, int]) -> MediaError:
        return MediaError(
            f"{self._capture.name}, frame {frame.index}",
            got=f"a picture of {frame.size_hw[1]} x {frame.size_hw[0]}",
            expected=f"{size_hw[1]} x {size_hw[0]}, as the first",
            remedy="start again with a mask of the new size",
        )

    def _facts(self, info: SourceInfo, reference: ReferenceMasks) -> dict[str, Any]:
        """Say what is run on what, for the log."""
        return engine_facts(self._engine, shown_command(self._request)) | {
            "input": input_facts(info),
            "drop": self._settings.drop,
            "stall_timeout_seconds": self._settings.stall_timeout,
            "object_ids": list(reference.object_ids),
            "warnings": list(reference.warnings),
        }

    def _counts(self, outputs: LiveOutputs) -> LiveCounts:
        return LiveCounts(
            received=self._capture.received,
            tracked=outputs.count,
            dropped=self._capture.dropped,
            damaged=self._damaged,
            median_latency_seconds=round(outputs.latency.median(), 4),
            p95_latency_seconds=round(outputs.latency.p95(), 4),
        )

    def _totals(self, outputs: LiveOutputs, ending: str) -> dict[str, Any]:
        """Say how the run went, for the log."""
        seconds = time.perf_counter() - self._started
        totals = run_totals(self._engine, self._timer, outputs.count, seconds)
        return totals | {"ending": ending, "live": asdict(self._counts(outputs))}

    def _summary(
        self, ending: Ending, reference: ReferenceMasks, outputs: LiveOutputs
    ) -> LiveSummary:
        summary = LiveSummary(
            ending,
            self._counts(outputs),
            time.perf_counter() - self._started,
            reference.object_ids,
            reference.warnings,
        )
        folder = outputs.folder
        if folder is None:
            return summary
        return replace(
            summary,
            warnings=(*reference.warnings, *folder.warnings),
            absent=folder.visibility.spans(),
            masks=folder.path / MASKS,
            overlay=folder.overlay_path,
            log=folder.path / LOG,
        )


def shown_command(request: TrackRequest) -> str:
    """Return what the log says was run; without the password of an address."""
    source = str(request.source)
    return (
        request.command.replace(source, shown_name(source)) if "://" in source else request.command
    )
