"""The driver: what a writer is given, in which order, and what failures leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from demo_clip import DemoFrames, RememberingEngine
from PIL import Image

from persam_vos.errors import OutputError
from persam_vos.media.image_reader import ImageSource
from persam_vos.request import Direction
from persam_vos.runtime.timer import StageTimer
from persam_vos.structures import Frame, TrackedFrame
from persam_vos.tracking.drive import drive
from persam_vos.tracking.plan import TrackPlan


class Notes:
    """A writer that notes what it is given; its disk is full from frame ``full_at`` on."""

    def __init__(self, full_at: int | None = None) -> None:
        self.told: list[str] = []
        self._full_at = full_at

    def write(self, tracked: TrackedFrame) -> None:
        if tracked.index == self._full_at:
            raise OutputError("out", got="a full disk")
        self.told.append(f"write {tracked.index}")

    def write_backwards(self, tracked: TrackedFrame) -> None:
        self.told.append(f"back {tracked.index}")

    def catch_up(self, frames_from: Callable[[int], Iterator[Frame]]) -> None:
        self.told.append(f"finish at {next(frames_from(0)).index}")


@pytest.fixture
def plan(demo_frames: DemoFrames, tmp_path_factory: pytest.TempPathFactory) -> TrackPlan:
    """Four pictures, from the second one."""
    folder = tmp_path_factory.mktemp("pictures")
    for frame in demo_frames.frames:
        Image.fromarray(frame.image).save(folder / f"{frame.index}.png")
    source = ImageSource(str(folder), sorted(folder.glob("*.png")))
    return TrackPlan(source, {1: demo_frames.labels[1]}, 1)


@pytest.mark.usefixtures("no_thread_is_left")
@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("both", "back 1, back 0, finish at 0, write 2, write 3"),
        ("forward", "write 1, write 2, write 3"),
        ("backward", "back 1, back 0, finish at 0"),
    ],
)
def test_halves_are_written_one_after_the_other(
    engine: RememberingEngine, plan: TrackPlan, direction: Direction, expected: str
) -> None:
    notes, seen, timer = Notes(), list[int](), StageTimer()
    planned = replace(plan, direction=direction)
    count = drive(
        planned, engine, notes, timer=timer, on_frame=lambda tracked: seen.append(tracked.index)
    )
    assert ", ".join(notes.told) == expected
    assert count == len(seen) == len([one for one in notes.told if "finish" not in one])
    assert set(timer.seconds) == {"read", "encode", "track"}


@pytest.mark.usefixtures("no_thread_is_left")
def test_what_was_tracked_before_a_failure_is_written(
    engine: RememberingEngine, plan: TrackPlan
) -> None:
    full = Notes(full_at=2)
    with pytest.raises(OutputError, match="a full disk"):
        drive(replace(plan, direction="forward"), engine, full, timer=StageTimer())
    assert full.told == ["write 1"]

    def stop(tracked: TrackedFrame) -> None:
        if tracked.index == 2:
            raise KeyboardInterrupt

    notes = Notes()
    with pytest.raises(KeyboardInterrupt):
        drive(replace(plan, direction="forward"), engine, notes, timer=StageTimer(), on_frame=stop)
    assert notes.told == ["write 1", "write 2"]
