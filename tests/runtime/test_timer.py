"""Busy seconds, by stage."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from persam_vos.runtime.timer import StageTimer


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A timer hand that the test moves."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_stages_add_up_separately(hand: list[float]) -> None:
    timer = StageTimer()
    for stage, seconds in (("read", 1.0), ("track", 5.0), ("read", 2.0)):
        with timer.measure(stage):
            hand[0] += seconds
    assert timer.seconds == {"read": 3.0, "track": 5.0}


def test_time_before_a_failure_counts(hand: list[float]) -> None:
    timer = StageTimer()
    with pytest.raises(OSError, match="broken"), timer.measure("read"):
        hand[0] += 4.0
        raise OSError("broken")
    assert timer.seconds == {"read": 4.0}


def test_only_producing_counts_not_what_the_consumer_does(hand: list[float]) -> None:
    def produce() -> Iterator[int]:
        for value in range(3):
            hand[0] += 1.0
            yield value

    timer = StageTimer()
    for _ in timer.each("read", produce()):
        hand[0] += 100.0
    assert timer.seconds == {"read": 3.0}


def test_what_is_handed_out_does_not_change(hand: list[float]) -> None:
    timer = StageTimer()
    before = timer.seconds
    with timer.measure("read"):
        hand[0] += 1.0
    assert before == {}


def test_threads_lose_nothing() -> None:
    timer = StageTimer()

    def work() -> None:
        for _ in range(500):
            with timer.measure("a"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(timer.seconds) == {"a"}
    assert timer.seconds["a"] > 0
