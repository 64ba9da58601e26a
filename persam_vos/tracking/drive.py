"""The one driver of tracking: a plan, an engine, and a writer of frames."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from typing import Protocol

from ..media.track_log import Half
from ..runtime.ordered_writer import OrderedWriter
from ..runtime.timer import StageTimer
from ..structures import Frame, TrackedFrame
from .checkpoints import Checkpoints
from .engine import Engine
from .plan import TrackPlan
from .propagate import StateKeeper


class FrameWriter(Protocol):
    """Takes in tracked frames, in one thread; ``OutputFolder`` is one."""

    def write(self, tracked: TrackedFrame) -> None:
        """Take in a frame of the forward half; they come in order."""

    def write_backwards(self, tracked: TrackedFrame) -> None:
        """Take in a frame of the backward half, whose index is the last one's less 1."""

    def catch_up(self, frames_from: Callable[[int], Iterator[Frame]]) -> None:
        """Do what needs frames in the order of the video, for all so far.

        ``frames_from`` gives the pictures of the source in order, from the frame of that index on.
        """


def drive(
    plan: TrackPlan,
    engine: Engine,
    writer: FrameWriter,
    *,
    timer: StageTimer,
    on_frame: Callable[[TrackedFrame], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> int:
    """Track what is planned, and write frames while later ones are tracked; returns their number.

    ``on_frame`` is called in this thread as frames are tracked. ``checkpoints`` keeps the state,
    and says where to begin. Raises what tracking and writing raise; frames that were tracked before
    that are written.
    """
    count = 0

    def frames_from(index: int) -> Iterator[Frame]:
        for frame in plan.source.frames(index):
            if checkpoints is not None:
                checkpoints.stop()
            yield frame

    for half in _halves(plan):
        write = writer.write_backwards if half == "backward" else writer.write
        if checkpoints is None or not checkpoints.is_complete(half):
            if half == "forward" and checkpoints is not None:
                writer.catch_up(frames_from)
            count += _write_all(plan, engine, half, write, timer, on_frame, checkpoints)
        if half == "backward" or checkpoints is not None:
            writer.catch_up(frames_from)
    return count


def _halves(plan: TrackPlan) -> Iterator[Half]:
    """Yield the halves of a plan, in the order in which they are tracked."""
    if plan.has_backward:
        yield "backward"
    if plan.has_forward:
        yield "forward"


def _write_all(
    plan: TrackPlan,
    engine: Engine,
    half: Half,
    write: Callable[[TrackedFrame], None],
    timer: StageTimer,
    on_frame: Callable[[TrackedFrame], None] | None,
    checkpoints: Checkpoints | None,
) -> int:
    """Write the frames of a half as they come; returns how many there were."""
    count = 0
    with OrderedWriter() as writer:
        keeper = None if checkpoints is None else checkpoints.keeper(half, writer.submit)
        with closing(_tracked(plan, engine, half, timer, keeper)) as frames:
            for tracked in frames:
                writer.submit(partial(write, tracked))
                count += 1
                if on_frame is not None:
                    on_frame(tracked)
                if checkpoints is not None and not plan.references:
                    checkpoints.stop()  # there is no state that is saved before
    if checkpoints is not None:
        checkpoints.end(half)
    return count


def _tracked(
    plan: TrackPlan, engine: Engine, half: Half, timer: StageTimer, keeper: StateKeeper | None
) -> Generator[TrackedFrame, None, None]:
    track = plan.backward if half == "backward" else plan.forward
    return track(engine, timer, keeper)
