"""A lock that many threads share, or that one holds exclusively."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """A readers-writer lock; both kinds may be nested, within a thread, in any order.

    A thread that holds it shared and wants it exclusively gives up its holds while it waits,
    and gets it back afterwards, so that two such threads do not wait for each other.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holds = 0
        self._owner: int | None = None  # the thread that holds the lock exclusively
        self._own = _ThreadHolds()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock shared: wait while another thread holds it exclusively."""
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock exclusively: wait until no other thread holds it."""
        me = threading.get_ident()
        if self._owner == me:
            yield
            return
        with self._changed:
            self._holds -= self._own.holds
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._owner is None and self._holds == 0)
            self._owner = me
        try:
            yield
        finally:
            with self._changed:
                self._owner = None
                self._holds += self._own.holds
                self._changed.notify_all()

    def _add(self, change: int) -> None:
        if self._owner == threading.get_ident():
            return
        with self._changed:
            if change > 0:
                self._changed.wait_for(lambda: self._owner is None)
            self._own.holds += change
            self._holds += change
            self._changed.notify_all()


class _ThreadHolds(threading.local):
    holds = 0
