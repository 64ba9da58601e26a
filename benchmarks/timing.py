"""Time some work: medians with their spread, after a warm-up, waiting for the device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from persam_vos.runtime.device import Compute
from persam_vos.runtime.stream import synchronise


def spread(times: Sequence[float]) -> dict[str, float]:
    """Say the median, minimum and maximum of some seconds."""
    return {
        "median": round(statistics.median(times), 5),
        "min": round(min(times), 5),
        "max": round(max(times), 5),
    }


def measure(work: Callable[[], object], compute: Compute, *, repeats: int) -> list[float]:
    """Run some work once to warm up, then ``repeats`` times; returns seconds."""
    work()
    times = []
    for _ in range(repeats):
        synchronise(compute.device)
        start = time.perf_counter()
        work()
        synchronise(compute.device)
        times.append(time.perf_counter() - start)
    return times
