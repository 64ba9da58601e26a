"""A few threads that work side by side for one, with results in order and a bound on them all."""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_WORKERS = 4
"""More than these wait for the one that they work for."""


def crew_size() -> int:
    """Return how many workers suit this machine: half of its cores, 1 to ``MOST_WORKERS``."""
    return max(1, min(MOST_WORKERS, (os.cpu_count() or 1) // 2))


class Crew:
    """Threads that do what they are asked to, in the order of asking, until `close`.

    A crew of one has no thread: who asks does the work, as after the crew was closed. Closing it,
    or the end of the program, waits until all is done that was asked for and not cancelled.
    """

    def __init__(self, workers: int) -> None:
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=_work, args=(self._jobs,), name="persam-vos-crew", daemon=True)
            for _ in range(workers if workers > 1 else 0)
        ]
        for thread in self._threads:
            thread.start()
        # As with `prefetch`: a thread inside a library's compiled code must not be torn down there.
        atexit.register(self.close)

    def ask(self, work: Callable[[], R]) -> Future[R]:
        """Have a piece of work done; what it raises is raised by the future's ``result``."""
        future: Future[R] = Future()
        job = partial(_do, work, future)
        with self._lock:  # after the last job of a thread nothing may be put
            put = bool(self._threads)
            if put:
                self._jobs.put(job)
        if not put:
            job()
        return future

    def close(self) -> None:
        """Wait for the work, and end the threads."""
        atexit.unregister(self.close)
        with self._lock:
            threads, self._threads = self._threads, []
            for _ in threads:
                self._jobs.put(None)
        for thread in threads:
            if thread is not threading.current_thread():  # where garbage is collected by a worker
                thread.join()


def in_order(
    function: Callable[[T], R], items: Iterable[T], *, workers: int
) -> Generator[R, None, None]:
    """Yield ``function`` of each item, in order, worked out by ``workers`` threads.

    Items are taken in the thread that asks for the results, and are at most ``workers`` + 1 ahead
    of it; with one worker none is, and there is no thread. What ``items`` or ``function`` raises is
    raised after the results before it. The end, an error, closing the generator or dropping it
    stops the threads and closes ``items``.
    """
    with _closing(iter(items)) as iterator:
        if workers <= 1:
            yield from map(function, iterator)
            return
        with closing(Crew(workers)) as crew:
            ask = partial(_ask, crew, function)
            yield from _results(map(ask, iterator), workers + 1)


@dataclass(frozen=True, slots=True)
class _Step:
    done: Future[None]
    then: Callable[[], None]
    undo: Callable[[], None]


class Trail:
    """Work that a crew does behind someone who goes on: done in any order, settled in order.

    A bounded number of pieces, two for each worker, are not settled; with one worker each is done
    and settled at once. When a piece fails, those after it never count: what is done of them is
    undone.
    """

    def __init__(self, workers: int) -> None:
        self._crew = Crew(workers)
        self._behind: deque[_Step] = deque()
        self._most = 2 * workers if workers > 1 else 0

    def put(
        self, work: Callable[[], None], *, then: Callable[[], None], undo: Callable[[], None]
    ) -> None:
        """Have ``work`` done by the crew; waits while too much is behind.

        ``then`` settles it, in the thread that calls ``put`` or ``settle``. ``undo`` takes back
        ``work`` that was done although a piece before it failed. Raises what a piece raised that
        was put earlier, or is this one.
        """
        self._behind.append(_Step(self._crew.ask(work), then, undo))
        self._settle(self._most)

    def settle(self) -> None:
        """Wait until everything is settled; raises what a piece raised."""
        self._settle(0)

    def close(self) -> None:
        """Settle everything, and end the threads."""
        try:
            self.settle()
        finally:
            self._crew.close()

    def _settle(self, most: int) -> None:
        """Settle what is done, and wait until at most so many pieces are behind."""
        while self._behind and (len(self._behind) > most or self._behind[0].done.done()):
            self._behind[0].done.exception()  # waits; an interrupt here leaves everything in place
            step = self._behind.popleft()
            try:
                step.done.result()
                step.then()
            except BaseException:
                self._undo()
                raise

    def _undo(self) -> None:
        """Drop everything that is behind: what was not begun is not done."""
        steps = list(self._behind)
        self._behind.clear()
        for step in steps:
            if not step.done.cancel() and step.done.exception() is None:
                step.undo()


def _work(jobs: SimpleQueue[Callable[[], None] | None]) -> None:
    """Do one job after another; none is kept in memory longer than it takes."""
    while (job := jobs.get()) is not None:
        job()
        del job


def _do(work: Callable[[], R], future: Future[R]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
    finally:
        del work, future  # the error's traceback would hold them, and the future holds the error


def _ask(crew: Crew, function: Callable[[T], R], item: T) -> Future[R]:
    return crew.ask(partial(function, item))


def _results(asked: Iterator[Future[R]], most: int) -> Iterator[R]:
    """Yield the results of futures that are asked for as they are taken, ``most`` at a time."""
    line: deque[Future[R]] = deque()
    more = True
    try:
        while more or line:
            while more and len(line) < most:
                more = _lengthen(line, asked)
            if line:
                yield line.popleft().result()
    finally:
        for future in line:
            future.cancel()


def _lengthen(line: deque[Future[R]], asked: Iterator[Future[R]]) -> bool:
    """Take one more into the line, or the error of what asks; tells whether there may be more."""
    try:
        line.append(next(asked))
    except StopIteration:
        return False
    except Exception as error:
        failed: Future[R] = Future()
        failed.set_exception(error)
        line.append(failed)
        return False
    return True


@contextmanager
def _closing(iterator: Iterator[T]) -> Iterator[Iterator[T]]:
    """Close an iterator after the block, if it can be closed."""
    try:
        yield iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
