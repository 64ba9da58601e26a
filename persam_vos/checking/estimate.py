"""What a run will take on this machine: a few of its frames are tracked and written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..media.output_folder import OutputFolder, OverlayStyle
from ..media.reversing import BYTES_HELD, FRAMES_HELD
from ..media.selection import SelectedSource
from ..request import Direction
from ..runtime.device import forget_peak_memory, peak_memory_bytes
from ..runtime.timer import StageTimer
from ..scoring.label_files import present_ids
from ..structures import Frame, TrackedFrame
from ..tracking.drive import drive
from ..tracking.engine import Engine
from ..tracking.plan import TrackPlan
from ..tracking.propagate import Reference

MEASURED_FRAMES = 6
"""Frames that are timed, behind the first one and those on which objects are added."""
_BATCHES = 3  # where pictures are encoded in batches, as many are timed at least
_WARM_FRAMES = 1  # behind the last frame with a mask, what is made once is made


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take; produced by `estimate`, consumed by reports.

    ``seconds`` is for the whole run: ``start_seconds`` until its first frame is done, then
    ``frame_seconds`` for each other one, and ``late_seconds`` for drawing the overlay of the frames
    before the start frame. Measured were ``measured_frames``, with all ``object_count`` objects.
    ``memory_bytes`` is the peak of the process, or of a GPU's memory.
    """

    frame_count: int
    object_count: int
    measured_frames: int
    start_seconds: float
    frame_seconds: float
    late_seconds: float
    memory_bytes: int
    device: str

    @property
    def seconds(self) -> float:
        """How long the whole run takes."""
        frames = (self.frame_count - 1) * self.frame_seconds
        return self.start_seconds + frames + self.late_seconds


def estimate(plan: TrackPlan, engine: Engine, *, total: int, overlay: bool = True) -> Estimate:
    """Track a few frames of a plan with all of its objects, write them, and say what all will take.

    ``plan`` has no prompts any more; ``total`` is the number of frames of its source. What is done
    once on a machine, such as compiling the encoder, is done before and does not count. Raises what
    tracking raises.
    """
    info = plan.source.info
    before = (plan.start - info.first_frame) // info.stride + 1  # the start frame is in both
    after = total - before + 1 if plan.has_forward else 0
    backwards = plan.has_backward and before > after
    references = _early(plan, backwards=backwards, most=before if backwards else after)
    wanted = len(references) + _WARM_FRAMES
    wanted += max(MEASURED_FRAMES, _BATCHES * engine.compute.encode_batch_size)
    trial = _trial(plan, references, min(wanted, before if backwards else after), backwards)
    engine.encode(plan.seen(plan.start))
    forget_peak_memory(engine.compute)
    timer = StageTimer()
    ends, whole = _run(trial, engine, timer, overlay=overlay)
    warm = min(len(references) + _WARM_FRAMES, len(ends)) - 1
    timed = len(ends) - 1 - warm
    late, held = _backward_extra(plan, timer, before, len(ends), overlay=overlay)
    return Estimate(
        frame_count=before + max(0, after - 1) if plan.has_backward else after,
        object_count=len(_all_ids(references)),
        measured_frames=max(timed, 1),
        start_seconds=ends[0] + (whole - ends[-1]),
        frame_seconds=(ends[-1] - ends[warm]) / timed if timed else ends[-1] / len(ends),
        late_seconds=late,
        memory_bytes=peak_memory_bytes(engine.compute) + (0 if backwards else held),
        device=engine.compute.describe(),
    )


def _trial(
    plan: TrackPlan, references: Mapping[int, Reference], count: int, backwards: bool
) -> TrackPlan:
    """Plan ``count`` frames from the start frame on, one way."""
    stride = plan.source.info.stride
    reach = (count - 1) * stride
    first = plan.start - reach if backwards else plan.start
    frames = SelectedSource(plan.source, range(first, first + reach + 1, stride))
    direction: Direction = "backward" if backwards else "forward"
    return replace(plan, source=frames, references=references, direction=direction)


def _run(
    trial: TrackPlan, engine: Engine, timer: StageTimer, *, overlay: bool
) -> tuple[list[float], float]:
    """Track and write; returns when each frame was done, and when all was, in seconds."""
    ends: list[float] = []
    with TemporaryDirectory(prefix="persam-vos-") as scratch:
        started = time.perf_counter()
        folder = OutputFolder(
            Path(scratch) / "trial",
            trial.source.info,
            overlay=OverlayStyle() if overlay else None,
            overwrite=False,
            timer=timer,
        )
        with folder:
            drive(
                trial,
                engine,
                _Forwards(folder),
                timer=timer,
                on_frame=lambda _: ends.append(time.perf_counter() - started),
            )
        return ends, time.perf_counter() - started


class _Forwards:
    """Writes frames of either half at once, in the order in which they come."""

    def __init__(self, folder: OutputFolder) -> None:
        self._folder, self._count = folder, 0

    def write(self, tracked: TrackedFrame) -> None:
        frame = replace(tracked.frame, index=self._count, time_seconds=self._count / 24)
        self._count += 1
        self._folder.write(replace(tracked, frame=frame))

    def write_backwards(self, tracked: TrackedFrame) -> None:
        self.write(tracked)

    def catch_up(self, frames_from: Callable[[int], Iterator[Frame]]) -> None:
        """Do nothing: frames are drawn as they come."""


def _early(plan: TrackPlan, *, backwards: bool, most: int) -> dict[int, Reference]:
    """Return the masks of a plan that show all of its objects, on the frames next to its start."""
    step = (-1 if backwards else 1) * plan.source.info.stride
    early: dict[int, Reference] = {plan.start: plan.references[plan.start]}
    for index in sorted(plan.references, key=lambda index: abs(index - plan.start)):
        labels = plan.references[index]
        if callable(labels) or present_ids(labels) <= _all_ids(early) or len(early) == most:
            continue
        early[plan.start + step * len(early)] = labels
    return early


def _all_ids(references: Mapping[int, Reference]) -> frozenset[int]:
    shown = (present_ids(labels) for labels in references.values() if not callable(labels))
    return frozenset().union(*shown)


def _backward_extra(
    plan: TrackPlan, timer: StageTimer, before: int, count: int, *, overlay: bool
) -> tuple[float, int]:
    """Return what a backward half takes beyond tracking: seconds, and bytes for its pictures.

    Its frames are read once to know them again and once more in stretches; then, where there is an
    overlay, to draw it.
    """
    if not plan.has_backward:
        return 0.0, 0
    read, draw = (timer.seconds.get(stage, 0.0) / count for stage in ("read", "write"))
    seconds = read + (read + draw if overlay else 0.0)
    height, width = plan.source.info.size_hw
    return before * seconds, min(BYTES_HELD, FRAMES_HELD * 3 * height * width)
