"""Holding a lock shared and exclusively, in threads that meet at events, whatever the time."""

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


def test_several_hold_it_shared_at_the_same_time() -> None:
    lock, meeting = SharedLock(), threading.Barrier(3)

    def work() -> None:
        with lock.shared():
            meeting.wait(LONG)

    threads = [started(work) for _ in range(2)]
    with lock.shared():
        meeting.wait(LONG)  # all three are inside
    for thread in threads:
        thread.join(LONG)


@pytest.mark.parametrize("first", ["shared", "exclusive"])
def test_nobody_is_beside_one_who_holds_it_exclusively(first: str) -> None:
    lock, order = SharedLock(), list[str]()
    inside, second = threading.Event(), "exclusive" if first == "shared" else "shared"

    def work() -> None:
        inside.wait(LONG)
        with getattr(lock, second)():
            order.append("second")

    thread = started(work)
    with getattr(lock, first)():
        inside.set()
        thread.join(0.05)  # it would get in now, if it could
        order.append("first")
    thread.join(LONG)
    assert order == ["first", "second"]


def is_free(lock: SharedLock) -> bool:
    """Whether another thread gets the lock exclusively."""

    def work() -> None:
        with lock.exclusive():
            pass

    thread = started(work)
    thread.join(LONG)
    return not thread.is_alive()


def test_both_kinds_nest_in_a_thread() -> None:
    lock = SharedLock()
    with lock.shared(), lock.shared(), lock.exclusive(), lock.shared(), lock.exclusive():
        pass
    with lock.exclusive():
        pass
    assert is_free(lock)


def test_two_that_hold_it_shared_may_both_want_it_exclusively() -> None:
    lock, meeting, count = SharedLock(), threading.Barrier(2), [0]

    def work() -> None:
        with lock.shared():
            meeting.wait(LONG)
            with lock.exclusive():
                count[0] += 1

    threads = [started(work) for _ in range(2)]
    for thread in threads:
        thread.join(LONG)
    assert count == [2]
    assert is_free(lock)


def test_an_error_releases_the_lock() -> None:
    lock = SharedLock()
    for kind in (lock.shared, lock.exclusive):
        with pytest.raises(KeyError), kind():
            raise KeyError
    assert is_free(lock)
