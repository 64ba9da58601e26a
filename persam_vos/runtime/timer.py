"""Add up the busy seconds of each stage, across threads."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

T = TypeVar("T")

_NOTHING = nullcontext()


class StageTimer:
    """Busy seconds per stage; waiting for a neighbour is not counted.

    `persam_vos.runtime.profiler.Profiler` is the timer that also counts parts and waiting.
    """

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        """What could not be done as intended, such as capturing a graph, and why."""
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count the time inside the block as ``stage``'s."""
        start = time.perf_counter()
        try:
            yield
        finally:
            end = time.perf_counter()
            with self._lock:
                self._count(stage, start, end)

    def part(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002 - the Profiler counts it
        """Count the block as a part of the stage that it is in; here it is not counted."""
        return _NOTHING

    def each(self, stage: str, items: Iterable[T]) -> Iterator[T]:
        """Iterate over ``items``, counting the time it takes to produce them as ``stage``'s."""
        iterator = iter(items)
        while True:
            with self.measure(stage):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def _count(self, stage: str, start: float, end: float) -> None:
        """Count one finished block of this thread; called under the lock."""
        self._seconds[stage] += end - start

    @property
    def seconds(self) -> dict[str, float]:
        """Busy seconds by stage, so far."""
        with self._lock:
            return dict(self._seconds)
