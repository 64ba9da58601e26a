"""Batches of one thread's items, and of items from several threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future

import pytest

from persam_vos.runtime.batcher import Batcher, in_batches

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("no_thread_is_left")]


@pytest.mark.parametrize(
    ("count", "batches"), [(0, []), (2, [[0, 1]]), (3, [[0, 1, 2]]), (4, [[0, 1, 2], [3]])]
)
def test_batches_are_full_but_for_the_last(count: int, batches: list[list[int]]) -> None:
    assert list(in_batches(range(count), 3)) == batches


def test_an_error_comes_after_the_batch_of_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(4)
        raise OSError("the disk went away")

    batches = in_batches(items(), 3)
    assert [next(batches), next(batches)] == [[0, 1, 2], [3]]
    with pytest.raises(OSError, match="disk"):
        next(batches)


class Worker:
    """Squares numbers, batch by batch; the first waits until it is let go."""

    def __init__(self) -> None:
        self.started, self.let_go = threading.Event(), threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.started.set()
        self.let_go.wait()
        if 13 in numbers:
            raise ValueError("13 is bad luck")
        return [number**2 for number in numbers]


def submit_while_busy(
    batcher: Batcher[int, int], worker: Worker, numbers: list[int]
) -> list[Future[int]]:
    """Submit 0, and the others while it is being worked on."""
    first = batcher.submit(0)
    worker.started.wait()
    return [first, *map(batcher.submit, numbers)]


def test_what_waits_is_done_together_by_key_the_oldest_first() -> None:
    worker = Worker()
    with Batcher(worker, key=lambda number: number >= 100, batch_size=3) as batcher:
        futures = submit_while_busy(batcher, worker, [1, 100, 2, 3, 4, 101])
        worker.let_go.set()
        assert [one.result() for one in futures] == [0, 1, 10_000, 4, 9, 16, 10_201]
    assert worker.batches == [[0], [1, 2, 3], [100, 101], [4]]


def test_an_error_reaches_only_the_item_that_caused_it() -> None:
    worker = Worker()
    with Batcher(worker, key=bool, batch_size=8) as batcher:
        _, one, bad, two = submit_while_busy(batcher, worker, [1, 13, 2])
        worker.let_go.set()
        assert (one.result(), two.result()) == (1, 4)
        with pytest.raises(ValueError, match="bad luck"):
            bad.result()
        assert batcher.submit(5).result() == 25, "it goes on"


def test_leaving_cancels_what_waits_and_refuses_more() -> None:
    worker = Worker()
    with Batcher(worker, key=bool, batch_size=8) as batcher:
        first, waiting = submit_while_busy(batcher, worker, [1])
        threading.Timer(0.1, worker.let_go.set).start()
    assert first.result() == 0
    with pytest.raises(CancelledError):
        waiting.result()
    with pytest.raises(RuntimeError):
        batcher.submit(2)
