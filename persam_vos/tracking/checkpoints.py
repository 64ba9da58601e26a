"""Keeping the state of a run while it is tracked, so that it can be gone on with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..config import CHECKPOINT_SECONDS, KEPT_CHECKPOINTS
from ..errors import StoppedError, param
from ..files.atomic import atomic_path, output_error
from ..files.durable import sync_file, sync_folder
from ..media.output_folder import OutputFolder
from ..media.track_log import Half
from ..runtime.timer import StageTimer
from .checkpoint import Snapshot, load_checkpoint, take_snapshot, write_snapshot
from .engine import Engine
from .plan import TrackPlan
from .propagate import Propagation
from .resume import (
    RUN_TEXT,
    Resumption,
    checkpoint_path,
    checkpoints_of,
    done_mark,
    told,
)
from .target_refind import FoundAgain

MOST_OF_RUN = 0.02
"""Share of a run that its checkpoints may take, as if nothing else went on while one is written:
where that takes long, the next comes later."""

Submit = Callable[[Callable[[], None]], None]
"""Has work done in the thread that writes, after what was submitted before."""


@dataclass(slots=True)
class Checkpoints:
    """Saves the state of a run every ``every_seconds``, 0 for never; consumed by `drive`.

    After its results, that is: what a checkpoint stands for is on the disk before it is. Of those
    of a half ``keep`` stay, spread over its frames, the last one among them. ``resumption`` is
    where the run goes on. When ``should_stop`` says so, the state is saved, and StoppedError
    raised.
    """

    output: OutputFolder
    engine: Engine
    plan: TrackPlan
    timer: StageTimer
    resumption: Resumption = field(default_factory=Resumption)
    every_seconds: float = CHECKPOINT_SECONDS
    keep: int = KEPT_CHECKPOINTS
    should_stop: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        if self.plan.refinder is not None:
            for start in self.resumption.halves.values():
                self.plan.refinder.found.extend(start.found)

    def is_complete(self, half: Half) -> bool:
        """Tell whether a half needs no tracking."""
        return self.resumption.start(half).complete

    def keeper(self, half: Half, submit: Submit) -> HalfKeeper:
        """Return what keeps the state of a half; raises CheckpointError for a damaged one."""
        start, restored = self.resumption.start(half), None
        if start.checkpoint is not None:
            restored = load_checkpoint(
                start.checkpoint,
                self.engine,
                timer=self.timer,
                keep_alpha=self.plan.keep_alpha,
                anyway=True,  # the identity of the run was compared before
            )
        return HalfKeeper(self, half, submit, restored)

    def end(self, half: Half) -> None:
        """Write down that all frames of a half are there; raises OutputError."""
        self.output.sync()
        path = done_mark(self.output.state, half)
        mark = {"count": self.output.count(half), "found": told(self.found(half))}
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(mark), encoding="utf-8")
            sync_file(temporary)
        sync_folder(path.parent)

    def settle(self) -> None:
        """Remove what a finished run needs no longer; kept checkpoints stay for corrections."""
        state = self.output.state
        halves: tuple[Half, ...] = ("backward", "forward")
        if self.keep == 0:
            self.output.settle(keep_state=False)
            return
        self.output.settle(keep_state=any(checkpoints_of(state, half) for half in halves))

    def found(self, half: Half) -> list[FoundAgain]:
        """Return what the target found in a half until now."""
        plan = self.plan
        if plan.refinder is None:
            return []
        both = plan.has_backward and plan.has_forward
        backward = half == "backward"
        return [
            one for one in plan.refinder.found if not both or (one.frame <= plan.start) == backward
        ]

    def stop(self) -> None:
        """Raise StoppedError if the run is to stop."""
        if self.should_stop():
            raise StoppedError(
                "stopped; finished frames are kept",
                remedy=f"add {param('resume', True)} to go on",
            )


@dataclass(slots=True)
class HalfKeeper:
    """Keeps the state of a half while it is tracked; a `StateKeeper`."""

    checkpoints: Checkpoints
    half: Half
    submit: Submit
    restored: Propagation | None
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._next = time.monotonic() + self.checkpoints.every_seconds

    def due(self) -> bool:
        """Tell whether it is time for a checkpoint, or to stop."""
        every = self.checkpoints.every_seconds
        return self.checkpoints.should_stop() or (every > 0 and time.monotonic() >= self._next)

    def take(self, state: Propagation) -> None:
        """Have the state saved behind the results so far; raises StoppedError if it is time to."""
        self.restored = None
        if self.checkpoints.every_seconds > 0:
            self._next = float("inf")  # until this one is saved
            started = time.monotonic()
            snapshot = take_snapshot(state, self.checkpoints.engine)
            found = told(self.checkpoints.found(self.half))
            spent = time.monotonic() - started
            self.submit(partial(self._save, snapshot, found, spent))
        self.checkpoints.stop()

    def _save(self, snapshot: Snapshot, found: str, spent: float) -> None:
        """Write a checkpoint, once all that it stands for is on the disk."""
        started = time.monotonic()
        output, every = self.checkpoints.output, self.checkpoints.every_seconds
        output.sync()
        path = checkpoint_path(output.state, self.half, output.count(self.half))
        write_snapshot(path, snapshot, {RUN_TEXT: found})
        try:
            for old in spread(
                checkpoints_of(output.state, self.half), max(1, self.checkpoints.keep)
            ):
                old.unlink()
        except OSError as error:
            raise output_error(output.state, error) from error
        now = time.monotonic()
        spent += now - started
        self._next = now + max(every, spent / MOST_OF_RUN)


def spread(checkpoints: dict[int, Path], keep: int) -> list[Path]:
    """Return those to remove, so that ``keep`` stay: the last, and others spread before it.

    ``checkpoints`` ascend by how many frames are before them. One after another goes that leaves
    the smallest gap.

    >>> found = {count: Path(str(count)) for count in (10, 20, 30, 40, 50)}
    >>> [path.name for path in spread(found, 3)]
    ['10', '30']
    """
    counts, removed = [0, *checkpoints], []
    while len(counts) - 1 > keep:
        gaps = {counts[i]: counts[i + 1] - counts[i - 1] for i in range(1, len(counts) - 1)}
        least = min(gaps, key=lambda count: (gaps[count], count))
        counts.remove(least)
        removed.append(checkpoints[least])
    return removed
