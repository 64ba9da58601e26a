"""Write in the background: threads do the work in any order, and it is committed in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Task:
    future: Future[None]
    commit: Callable[[], None]
    undo: Callable[[], None]


class OrderedWriter:
    """Tasks that ``workers`` threads do in any order, and that are committed in order.

    A context manager. At most ``pending`` tasks are not committed when `submit` returns; with 0,
    each is done and committed at once, and there is no thread. Tasks are begun in order, one after
    another if there is one worker. When one fails, none after it is committed: what was not begun
    is cancelled, and what was done is undone. Leaving the block, also by an exception, finishes
    what was submitted.
    """

    def __init__(self, *, workers: int = 1, pending: int = 4) -> None:
        self._max_pending = pending
        self._pending: deque[_Task] = deque()
        self._numbers = count()
        self._first_failed: int | None = None
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="persam-vos-writer")

    def submit(
        self,
        work: Callable[[], None],
        *,
        commit: Callable[[], None] = _nothing,
        undo: Callable[[], None] = _nothing,
    ) -> None:
        """Have ``work`` done; waits while too much is pending.

        ``commit`` is called once ``work`` and all tasks before it are done, in the thread that
        calls `submit` or `flush`. ``undo`` takes back ``work`` that was done although a task before
        it failed. Raises what this task raised, or one submitted earlier.
        """
        if self._max_pending == 0:
            work()
            commit()
            return
        future = self._pool.submit(self._run, next(self._numbers), work)
        self._pending.append(_Task(future, commit, undo))
        self._commit(self._max_pending)

    def flush(self) -> None:
        """Wait until everything is committed; raises what a task raised."""
        self._commit(0)

    def close(self) -> None:
        """Commit everything, and end the threads; raises what a task raised."""
        try:
            self.flush()
        finally:
            self._pool.shutdown()

    def __enter__(self) -> OrderedWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except BaseException:
            if kind is None:  # else the first error is the one to see
                raise

    def _run(self, number: int, work: Callable[[], None]) -> None:
        """Do a task, unless one before it failed."""
        if self._first_failed is not None and self._first_failed < number:
            raise RuntimeError("a task before this one failed")
        try:
            work()
        except BaseException:
            with self._lock:
                failed = self._first_failed
                self._first_failed = number if failed is None else min(failed, number)
            raise

    def _commit(self, max_pending: int) -> None:
        """Commit what is done, and wait until at most ``max_pending`` tasks are pending."""
        while self._pending and (
            len(self._pending) > max_pending or self._pending[0].future.done()
        ):
            self._pending[0].future.exception()  # waits; an interrupt here leaves all in place
            task = self._pending.popleft()
            try:
                task.future.result()
                task.commit()
            except BaseException:
                self._drop()
                raise

    def _drop(self) -> None:
        """Drop all that is pending: cancel what was not begun, undo what was done."""
        tasks = list(self._pending)
        self._pending.clear()
        for task in tasks:
            if not task.future.cancel() and task.future.exception() is None:
                task.undo()
