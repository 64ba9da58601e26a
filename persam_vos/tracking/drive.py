"""The one driver of tracking: a plan, an engine, and a writer of frames."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from typing import Protocol

from ..runtime.ordered_writer import OrderedWriter
from ..runtime.timer import StageTimer
from ..structures import Frame, TrackedFrame
from .engine import Engine
from .plan import TrackPlan


class FrameWriter(Protocol):
    """Takes in tracked frames, in one thread; ``OutputFolder`` is one."""

    def write(self, tracked: TrackedFrame) -> None:
        """Take in a frame of the forward half; they come in order."""

    def write_backwards(self, tracked: TrackedFrame) -> None:
        """Take in a frame of the backward half, whose index is the last one's less 1."""

    def finish_backward(self, frames: Iterator[Frame]) -> None:
        """End the backward half; ``frames`` are the pictures of the source in order."""


def drive(
    plan: TrackPlan,
    engine: Engine,
    writer: FrameWriter,
    *,
    timer: StageTimer,
    on_frame: Callable[[TrackedFrame], None] | None = None,
) -> int:
    """Track what is planned, and write frames while later ones are tracked; returns their number.

    ``on_frame`` is called in this thread as frames are tracked. Raises what tracking and writing
    raise; frames that were tracked before that are written.
    """
    count = 0
    if plan.has_backward:
        count += _write_all(plan.backward(engine, timer), writer.write_backwards, on_frame)
        writer.finish_backward(plan.source.frames())
    if plan.has_forward:
        count += _write_all(plan.forward(engine, timer), writer.write, on_frame)
    return count


def _write_all(
    frames: Generator[TrackedFrame, None, None],
    write: Callable[[TrackedFrame], None],
    on_frame: Callable[[TrackedFrame], None] | None,
) -> int:
    """Write frames as they come; returns how many there were."""
    count = 0
    with closing(frames), OrderedWriter() as writer:
        for tracked in frames:
            writer.submit(partial(write, tracked))
            count += 1
            if on_frame is not None:
                on_frame(tracked)
    return count
