"""Shares and being alone, in threads that meet at events; nothing here depends on time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from persam_vos.runtime.shared_lock import SharedLock

LONG = 20.0  # seconds after which a test has failed


def started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_shares_are_had_at_the_same_time() -> None:
    turns, meeting = SharedLock(), threading.Barrier(3)

    def work() -> None:
        with turns.shared():
            meeting.wait(LONG)

    threads = [started(work) for _ in range(2)]
    with turns.shared():
        meeting.wait(LONG)  # all three are inside
    for thread in threads:
        thread.join(LONG)


@pytest.mark.parametrize("first", ["shared", "alone"])
def test_nobody_is_beside_one_who_is_alone(first: str) -> None:
    turns, order = SharedLock(), list[str]()
    inside, second = threading.Event(), "alone" if first == "shared" else "shared"

    def work() -> None:
        inside.wait(LONG)
        with getattr(turns, second)():
            order.append("second")

    thread = started(work)
    with getattr(turns, first)():
        inside.set()
        thread.join(0.05)  # it would get in now, if it could
        order.append("first")
    thread.join(LONG)
    assert order == ["first", "second"]


def test_turns_nest_in_a_thread() -> None:
    turns = SharedLock()
    with turns.shared(), turns.shared(), turns.exclusive(), turns.shared(), turns.exclusive():
        pass
    with turns.exclusive():
        pass
    assert turns._shares == 0
    assert turns._alone is None


def test_two_who_have_shares_may_both_want_to_be_alone() -> None:
    turns, meeting, count = SharedLock(), threading.Barrier(2), [0]

    def work() -> None:
        with turns.shared():
            meeting.wait(LONG)
            with turns.exclusive():
                count[0] += 1

    threads = [started(work) for _ in range(2)]
    for thread in threads:
        thread.join(LONG)
    assert count == [2]
    assert turns._shares == 0


def test_an_error_ends_a_turn() -> None:
    turns = SharedLock()
    for kind in (turns.shared, turns.alone):
        with pytest.raises(KeyError), kind():
            raise KeyError
    with turns.exclusive():
        pass
