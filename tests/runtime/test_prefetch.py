"""Reading ahead in a thread: order, errors, early ends, and no thread left behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from producer import Producer

from persam_vos.runtime.prefetch import prefetch

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("no_thread_is_left")]


@pytest.mark.parametrize("depth", [1, 2, 100])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_items_come_in_order(count: int, depth: int) -> None:
    assert list(prefetch(Producer(count), depth=depth)) == list(range(count))


def test_stages_can_be_chained() -> None:
    doubled = (2 * value for value in prefetch(Producer(20)))
    assert list(prefetch(doubled)) == [2 * value for value in range(20)]


@pytest.mark.parametrize("fail_at", [0, 3])
def test_a_failed_producer_raises_in_the_consumer_after_its_items(fail_at: int) -> None:
    producer = Producer(10, fail_at=fail_at)
    seen: list[int] = []
    with pytest.raises(OSError, match="the disk went away"):
        seen.extend(iter_into(seen, prefetch(producer)))
    assert seen == list(range(fail_at))
    assert producer.closed


def iter_into(seen: list[int], items: Iterator[int]) -> list[int]:
    for item in items:
        seen.append(item)
    return []


def test_an_error_passes_through_a_chain_of_threads() -> None:
    chained = prefetch(value for value in prefetch(Producer(10, fail_at=2)))
    with pytest.raises(OSError, match="the disk went away"):
        list(chained)


def test_things_that_cannot_be_iterated_raise_instead_of_hanging() -> None:
    with pytest.raises(TypeError):
        next(prefetch(7))  # type: ignore[arg-type]


def test_a_producer_that_fails_to_close_raises() -> None:
    class Stubborn:
        def __iter__(self) -> Iterator[int]:
            return self

        def __next__(self) -> int:
            raise StopIteration

        def close(self) -> None:
            raise OSError("will not close")

    with pytest.raises(OSError, match="will not close"):
        list(prefetch(Stubborn()))


@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["fast producer", "slow producer"])
def test_leaving_early_stops_and_closes_the_producer(pause: float) -> None:
    producer = Producer(10_000, pause=pause)
    items = prefetch(producer, depth=2)
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert producer.closed
    assert producer.taken <= 5


def test_leaving_a_chain_early_closes_its_first_producer() -> None:
    producer = Producer(10_000)
    items = prefetch(value for value in prefetch(producer))
    next(items)
    items.close()
    assert producer.closed


def test_the_producer_is_never_more_than_the_depth_ahead() -> None:
    producer = Producer(100)
    for value in prefetch(producer, depth=3):
        time.sleep(0.002)
        assert producer.taken <= value + 1 + 3 + 1  # in hand, queued, waiting to be queued


UNFINISHED = """
import torch
from persam_vos.runtime.prefetch import prefetch
def products():
    while True:
        yield torch.randn(700, 700) @ torch.randn(700, 700)
items = prefetch(value + 1 for value in prefetch(products()))
print(next(items).shape[0])
"""


def test_a_program_may_end_with_the_work_unfinished() -> None:
    run = subprocess.run(
        [sys.executable, "-c", UNFINISHED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "700\n", "")
