"""Results in order from several threads: a bound on what is ahead, errors, no thread left."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial

import pytest
from producer import Producer

from persam_vos.runtime.ordered_pool import ordered_map, worker_count

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("no_thread_is_left")]
SIZES = pytest.mark.parametrize("workers", [1, 2, 4])


def double(value: int) -> int:
    return 2 * value


def refuse(value: int, *, at: int) -> int:
    if value == at:
        raise ValueError(f"not {at}")
    return value


@pytest.mark.parametrize(("cores", "size"), [(None, 1), (1, 1), (2, 1), (3, 1), (4, 2), (64, 4)])
def test_half_of_the_cores_work(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, size: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert worker_count() == size


@SIZES
@pytest.mark.parametrize("count", [0, 1, 50])
def test_results_come_in_order(workers: int, count: int) -> None:
    items = Producer(count)
    assert list(ordered_map(double, items, workers=workers)) == [2 * n for n in range(count)]
    assert items.closed


def test_results_that_are_ready_wait_for_those_before_them() -> None:
    second = threading.Event()

    def first_after_the_second(value: int) -> int:
        if value == 0:
            second.wait()
        if value == 1:
            second.set()
        return value

    assert list(ordered_map(first_after_the_second, range(5), workers=2)) == list(range(5))


def test_workers_work_side_by_side() -> None:
    together = threading.Barrier(3)
    list(ordered_map(lambda _: together.wait(), range(9), workers=3))


def test_one_worker_is_who_asks_and_takes_one_item_at_a_time() -> None:
    items = Producer(9)
    threads = ordered_map(lambda _: threading.current_thread(), items, workers=1)
    for number, thread in enumerate(threads):
        assert thread is threading.current_thread()
        assert items.taken == number + 1


@pytest.mark.parametrize("workers", [2, 4])
def test_items_are_taken_by_who_asks_and_a_bounded_number_ahead(workers: int) -> None:
    items = Producer(100)
    for value in ordered_map(double, items, workers=workers):
        assert items.taken == min(100, value // 2 + 1 + workers)


@SIZES
@pytest.mark.parametrize("at", [0, 3, 7])
def test_errors_come_after_the_results_before_them(workers: int, at: int) -> None:
    for items, function, error in (
        (Producer(8, fail_at=at), double, OSError),
        (Producer(8), partial(refuse, at=at), ValueError),
    ):
        seen: list[int] = []
        with pytest.raises(error):
            for result in ordered_map(function, items, workers=workers):
                seen.append(result)
        assert len(seen) == at
        assert items.closed


@SIZES
@pytest.mark.parametrize("end", ["close", "drop", "throw"])
def test_leaving_early_stops_the_threads_and_closes_the_items(workers: int, end: str) -> None:
    before = threading.active_count()
    items = Producer(10_000)
    results = ordered_map(double, items, workers=workers)
    assert [next(results), next(results)] == [0, 2]
    if end == "close":
        results.close()
    elif end == "throw":
        with pytest.raises(KeyboardInterrupt):
            results.throw(KeyboardInterrupt())
    del results
    assert items.closed
    assert items.taken <= 2 + workers
    assert threading.active_count() == before


def test_nothing_is_begun_before_the_first_result_is_asked_for() -> None:
    items = Producer(3)
    ordered_map(double, items, workers=2).close()
    assert items.taken == 0


UNFINISHED = """
import numpy as np
from persam_vos.runtime.ordered_pool import ordered_map
from persam_vos.runtime.prefetch import prefetch
def product(_):
    return np.ones((500, 500)) @ np.ones((500, 500))
def forever():
    while True:
        yield 0
alone = ordered_map(product, forever(), workers=3)
ahead = prefetch(ordered_map(product, forever(), workers=3))
print(next(alone).shape[0], next(ahead).shape[0])
"""


def test_a_program_may_end_with_the_work_unfinished() -> None:
    run = subprocess.run(
        [sys.executable, "-c", UNFINISHED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "500 500\n", "")
