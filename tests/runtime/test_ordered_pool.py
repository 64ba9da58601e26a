"""Crews of threads: results in order, a bound on what is ahead or behind, no thread left."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial

import pytest
from producer import Producer

from persam_vos.runtime.ordered_pool import Crew, Trail, crew_size, in_order

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("no_thread_is_left")]
SIZES = pytest.mark.parametrize("workers", [1, 2, 4])


def double(value: int) -> int:
    return 2 * value


def refuse(value: int, *, at: int) -> int:
    if value == at:
        raise ValueError(f"not {at}")
    return value


@pytest.mark.parametrize(("cores", "size"), [(None, 1), (1, 1), (2, 1), (3, 1), (4, 2), (64, 4)])
def test_a_crew_takes_half_of_the_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, size: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert crew_size() == size


@SIZES
@pytest.mark.parametrize("count", [0, 1, 50])
def test_results_come_in_order(workers: int, count: int) -> None:
    items = Producer(count)
    assert list(in_order(double, items, workers=workers)) == [2 * n for n in range(count)]
    assert items.closed


def test_results_that_are_ready_wait_for_those_before_them() -> None:
    second = threading.Event()

    def first_after_the_second(value: int) -> int:
        if value == 0:
            second.wait()
        if value == 1:
            second.set()
        return value

    assert list(in_order(first_after_the_second, range(5), workers=2)) == list(range(5))


def test_workers_work_side_by_side() -> None:
    together = threading.Barrier(3)
    list(in_order(lambda _: together.wait(), range(9), workers=3))


def test_one_worker_is_who_asks_and_takes_one_item_at_a_time() -> None:
    items = Producer(9)
    threads = in_order(lambda _: threading.current_thread(), items, workers=1)
    for number, thread in enumerate(threads):
        assert thread is threading.current_thread()
        assert items.taken == number + 1


@pytest.mark.parametrize("workers", [2, 4])
def test_items_are_taken_by_who_asks_and_a_bounded_number_ahead(workers: int) -> None:
    items = Producer(100)
    for value in in_order(double, items, workers=workers):
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
            for result in in_order(function, items, workers=workers):
                seen.append(result)
        assert len(seen) == at
        assert items.closed


@SIZES
@pytest.mark.parametrize("end", ["close", "drop", "throw"])
def test_leaving_early_stops_the_threads_and_closes_the_items(workers: int, end: str) -> None:
    before = threading.active_count()
    items = Producer(10_000)
    results = in_order(double, items, workers=workers)
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


def test_work_that_is_cancelled_before_it_is_begun_is_not_done() -> None:
    begun, go_on = threading.Barrier(3), threading.Event()
    done: list[int] = []

    def work(value: int) -> None:
        begun.wait()
        go_on.wait()
        done.append(value)

    with closing(Crew(2)) as crew:
        for value in range(2):
            crew.ask(partial(work, value))
        begun.wait()
        assert crew.ask(partial(work, 2)).cancel()
        go_on.set()
    assert sorted(done) == [0, 1]


def test_nothing_is_begun_before_the_first_result_is_asked_for() -> None:
    items = Producer(3)
    in_order(double, items, workers=2).close()
    assert items.taken == 0


def test_a_closed_crew_leaves_the_work_to_who_asks() -> None:
    crew = Crew(3)
    assert crew.ask(threading.current_thread).result() is not threading.current_thread()
    crew.close()
    crew.close()
    assert crew.ask(threading.current_thread).result() is threading.current_thread()


UNFINISHED = """
import numpy as np
from persam_vos.crew import Trail, in_order
from persam_vos.prefetch import prefetch
def product(_):
    return np.ones((500, 500)) @ np.ones((500, 500))
def forever():
    while True:
        yield 0
alone = in_order(product, forever(), workers=3)
ahead = prefetch(in_order(product, forever(), workers=3))
trail = Trail(2)
trail.put(lambda: product(0), then=lambda: None, undo=lambda: None)
print(next(alone).shape[0], next(ahead).shape[0])
"""


def test_a_program_may_end_with_the_work_unfinished() -> None:
    run = subprocess.run(
        [sys.executable, "-c", UNFINISHED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "500 500\n", "")


def nothing() -> None:
    pass


def put(trail: Trail, value: int, work: Callable[[], None], log: list[str]) -> None:
    trail.put(
        work, then=lambda: log.append(f"then {value}"), undo=lambda: log.append(f"undo {value}")
    )


@SIZES
def test_a_trail_settles_in_order_and_is_never_far_behind(workers: int) -> None:
    done: list[int] = []
    settled: list[str] = []
    trail = Trail(workers)
    for value in range(50):
        put(trail, value, partial(done.append, value), settled)
        assert value + 1 - len(settled) <= (2 * workers if workers > 1 else 0)
    trail.settle()
    assert sorted(done) == list(range(50))
    assert settled == [f"then {value}" for value in range(50)]
    trail.close()


def test_what_is_done_early_is_settled_after_what_was_put_before_it() -> None:
    second, settled = threading.Event(), list[str]()
    trail = Trail(2)
    put(trail, 0, lambda: second.wait() and None, settled)
    put(trail, 1, second.set, settled)
    trail.close()
    assert settled == ["then 0", "then 1"]


def fail() -> None:
    raise OSError("disk full")


@SIZES
def test_nothing_counts_after_a_piece_that_failed(workers: int) -> None:
    log: list[str] = []
    trail = Trail(workers)
    put(trail, 0, nothing, log)
    with pytest.raises(OSError, match="disk full"):
        for value in range(1, 30):
            put(trail, value, fail if value == 1 else nothing, log)
    trail.close()
    assert log[0] == "then 0"
    assert not [line for line in log[1:] if line.startswith("then")]


def test_what_was_done_after_a_piece_that_failed_is_undone() -> None:
    def fail_later() -> None:
        second.wait()
        fail()

    second, log = threading.Event(), list[str]()
    trail = Trail(2)
    put(trail, 0, fail_later, log)
    put(trail, 1, second.set, log)
    with pytest.raises(OSError, match="disk full"):
        trail.close()
    assert log == ["undo 1"]


def test_what_fails_to_settle_ends_the_trail_too() -> None:
    log: list[str] = []
    trail = Trail(2)
    with pytest.raises(OSError, match="disk full"):
        trail.put(nothing, then=fail, undo=nothing)
        put(trail, 1, nothing, log)
        trail.settle()
    trail.close()
    assert "then 1" not in log
