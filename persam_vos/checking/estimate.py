"""What a run will take on this machine: a few of its frames are tracked and written."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from ..media.output_folder import OutputFolder
from ..media.reader import Source
from ..media.reversing import BYTES_HELD, FRAMES_HELD
from ..request import Direction
from ..runtime.device import forget_peak_memory, peak_memory_bytes
from ..runtime.timer import StageTimer
from ..scoring.label_files import present_ids
from ..structures import Frame, SourceInfo, TrackedFrame
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


def estimate(
    plan: TrackPlan, engine: Engine, *, frame_count: int, overlay: bool = True
) -> Estimate:
    """Track a few frames of a plan with all of its objects, write them, and say what all will take.

    ``plan`` has no prompts any more; ``frame_count`` is how many frames it will track. What is done
    once on a machine, such as compiling the encoder, is done before and does not count. Raises what
    tracking raises.
    """
    backwards = plan.has_backward and plan.start + 1 > frame_count - plan.start
    there = plan.start + 1 if backwards else frame_count - (plan.start if plan.has_backward else 0)
    references = _early(plan, backwards=backwards, most=there)
    batch = engine.compute.encode_batch_size
    wanted = len(references) + _WARM_FRAMES + max(MEASURED_FRAMES, _BATCHES * batch)
    direction: Direction = "backward" if backwards else "forward"
    trial = TrackPlan(_Part(plan.source, min(wanted, there)), references, plan.start, direction)
    with closing(plan.source.frames(plan.start)) as frames:
        engine.encode(next(frames))
    forget_peak_memory(engine.compute)
    timer, started, ends = StageTimer(), time.perf_counter(), list[float]()
    with TemporaryDirectory(prefix="persam-vos-") as scratch:
        folder = OutputFolder(
            Path(scratch) / "trial",
            plan.source.info,
            overlay=overlay,
            alpha=0.5,
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
        total = time.perf_counter() - started
    warm = min(len(references) + _WARM_FRAMES, len(ends)) - 1
    timed = len(ends) - 1 - warm
    frame_seconds = (ends[-1] - ends[warm]) / timed if timed else ends[-1] / len(ends)
    late, held = _backward_extra(plan, timer, len(ends), overlay=overlay)
    return Estimate(
        frame_count=frame_count,
        object_count=len(_all_ids(references)),
        measured_frames=max(timed, 1),
        start_seconds=ends[0] + (total - ends[-1]),
        frame_seconds=frame_seconds,
        late_seconds=late,
        memory_bytes=peak_memory_bytes(engine.compute) + (0 if backwards else held),
        device=engine.compute.describe(),
    )


class _Part:
    """The first few frames of another source, from wherever one begins."""

    def __init__(self, source: Source, count: int) -> None:
        self._source, self._count = source, count

    @property
    def info(self) -> SourceInfo:
        return self._source.info

    @property
    def files(self) -> tuple[Path, ...]:
        return self._source.files

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        with closing(self._source.frames(start)) as frames:
            yield from islice(frames, self._count)

    def frames_reversed(self, until: int) -> Iterator[Frame]:
        return islice(self._source.frames_reversed(until), self._count)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()


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

    def finish_backward(self, frames: Iterator[Frame]) -> None:
        del frames


def _early(plan: TrackPlan, *, backwards: bool, most: int) -> dict[int, Reference]:
    """Return the masks of a plan that show all of its objects, on the frames next to its start."""
    step = -1 if backwards else 1
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
    plan: TrackPlan, timer: StageTimer, count: int, *, overlay: bool
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
    return (plan.start + 1) * seconds, min(BYTES_HELD, FRAMES_HELD * 3 * height * width)
