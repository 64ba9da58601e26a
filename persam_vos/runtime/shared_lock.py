"""SharedLock at a thing: many at once, or one alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """A lock that threads share, or have alone; both may be nested, in a thread, in any order.

    Who has a share and wants to be alone gives it up while waiting, and has it again afterwards:
    two who want that at the same time do not wait for each other.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shares = 0
        self._alone: int | None = None  # the thread that is
        self._own = _Own()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Have a share: wait while another thread is alone."""
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Be alone: wait until no other thread has a share."""
        me = threading.get_ident()
        if self._alone == me:
            yield
            return
        with self._changed:
            self._shares -= self._own.shares
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._alone is None and self._shares == 0)
            self._alone = me
        try:
            yield
        finally:
            with self._changed:
                self._alone = None
                self._shares += self._own.shares
                self._changed.notify_all()

    def _add(self, share: int) -> None:
        if self._alone == threading.get_ident():
            return
        with self._changed:
            if share > 0:
                self._changed.wait_for(lambda: self._alone is None)
            self._own.shares += share
            self._shares += share
            self._changed.notify_all()


class _Own(threading.local):
    shares = 0
