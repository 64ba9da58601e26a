"""Find out where the time goes: each stage and its parts, busy and waiting, and a Chrome trace.

``torch.profiler`` keeps every event of a run in memory until it stops, so that a trace of it grows
with the clip. It also sees only the thread that started it, and does not tell how long a thread
waited between its stages, which is what says where the bottleneck is.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ..errors import OutputError
from ..files.atomic import atomic_path, output_error
from .device import Compute
from .stream import synchronise
from .timer import StageTimer


@dataclass(frozen=True, slots=True)
class StageTime:
    """What a stage took; produced by `Profiler`, consumed by the command line.

    ``name`` is that of the stage, or ``stage/part``. ``waiting_seconds`` is what its thread spent
    between its blocks, for a neighbour that is slower; 0 for parts.
    """

    name: str
    busy_seconds: float
    waiting_seconds: float
    calls: int


class Profiler(StageTimer):
    """A stage timer that counts parts, waiting and calls too, and writes a Chrome trace.

    A context manager: ``trace`` is written when the block ends, also by an error, if a frame was
    finished; until then its events are in a temporary file, so that memory does not grow with the
    clip. Once ``compute`` is set, every block ends by waiting for the device, so that work is
    counted in the stage that launched it; that makes a GPU's run slower. Raises OutputError for a
    trace that cannot be written.
    """

    def __init__(self, trace: Path) -> None:
        super().__init__()
        self.trace = trace
        self.compute: Compute | None = None
        self._calls: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, float] = defaultdict(float)
        self._own = _ThreadState()
        self._zero = time.perf_counter()
        try:
            self._events: IO[str] = tempfile.TemporaryFile(  # noqa: SIM115 - closed by __exit__
                "w+", encoding="utf-8"
            )
        except OSError as error:
            raise output_error(trace, error) from error

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count the block as ``stage``'s; inside another block, as a part of that one's stage."""
        path = self._own.path
        path.append(stage)
        try:
            with super().measure("/".join(path)):
                yield
                if self.compute is not None:
                    synchronise(self.compute.device)
        finally:
            path.pop()

    def part(self, name: str) -> AbstractContextManager[None]:
        """Count the block as a part of the stage that it is in."""
        return self.measure(name)

    @property
    def stages(self) -> tuple[StageTime, ...]:
        """What was counted so far: each stage, followed by its parts."""
        seconds = self.seconds
        order = [name for name in seconds if "/" not in name]
        names = [
            n for one in order for n in (one, *(s for s in seconds if s.startswith(one + "/")))
        ]
        return tuple(
            StageTime(name, seconds[name], self._waiting.get(name, 0.0), self._calls[name])
            for name in names
        )

    def _count(self, stage: str, start: float, end: float) -> None:
        super()._count(stage, start, end)
        self._calls[stage] += 1
        own = self._own
        if not own.named:
            own.named = True
            here = threading.current_thread()
            name = "main" if here is threading.main_thread() else stage.partition("/")[0]
            self._emit("M", "thread_name", args={"name": name})
        if "/" not in stage:
            if own.idle_since is not None:
                self._waiting[stage] += start - own.idle_since
            own.idle_since = end
        microseconds = {"ts": round((start - self._zero) * 1e6), "dur": round((end - start) * 1e6)}
        self._emit("X", stage.rpartition("/")[2], **microseconds)

    def _emit(self, phase: str, name: str, **more: Any) -> None:
        """Add an event of this thread, in Chrome's trace event format."""
        event = {"ph": phase, "name": name, "pid": 1, "tid": self._own.number, **more}
        self._events.write(json.dumps(event) + ",\n")

    def __enter__(self) -> Profiler:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._events:
            if "write" not in self.seconds:
                return
            # After an error, that is the one to see.
            with contextlib.suppress(*([] if kind is None else [OutputError])):
                self._save()

    def _save(self) -> None:
        self._events.seek(0)
        with atomic_path(self.trace) as path, path.open("w", encoding="utf-8") as file:
            file.write('{"displayTimeUnit": "ms", "traceEvents": [\n')
            shutil.copyfileobj(self._events, file)
            end = {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "persam-vos"}}
            file.write(json.dumps(end) + "\n]}\n")


class _ThreadState(threading.local):
    """What a profiler knows of a thread: the blocks that it is in, and when its last one ended."""

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self.number = next(self._numbers)
        self.named = False
        self.path: list[str] = []
        self.idle_since: float | None = None
