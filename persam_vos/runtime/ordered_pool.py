"""A function of many items, computed by a few threads, with its results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MAX_WORKERS = 4
"""More threads than these would only wait for the consumer."""


def worker_count() -> int:
    """Return how many threads suit this machine: half of its cores, 1 to ``MAX_WORKERS``."""
    return max(1, min(MAX_WORKERS, (os.cpu_count() or 1) // 2))


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], *, workers: int
) -> Generator[R, None, None]:
    """Yield ``function`` of each item, in order, computed by ``workers`` threads.

    Items are taken in the thread that asks for the results, and are at most ``workers`` + 1 ahead
    of it; with one worker none is, and there is no thread. What ``items`` or ``function`` raises is
    raised after the results before it. The end, an error, closing the generator or dropping it
    stops the threads and closes ``items``.
    """
    with closing_iterator(items) as iterator:
        if workers <= 1:
            yield from map(function, iterator)
            return
        pool = ThreadPoolExecutor(workers, thread_name_prefix="persam-vos-pool")

        def submit(item: T) -> Future[R]:
            return pool.submit(function, item)

        try:
            yield from look_ahead(map(submit, iterator), workers + 1)
        finally:
            pool.shutdown(cancel_futures=True)


def look_ahead(futures: Iterator[Future[R]], count: int) -> Iterator[R]:
    """Yield the results of futures in order; ``count`` of them are taken before the first is due.

    What ``futures`` raises is raised after the results before it.
    """
    pending: deque[Future[R]] = deque()
    more = True
    while more or pending:
        while more and len(pending) < count:
            more = _submit_next(futures, pending)
        if pending:
            yield pending.popleft().result()


@contextmanager
def closing_iterator(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Iterate over ``items`` in a block, which closes the iterator if it can be closed."""
    iterator = iter(items)
    try:
        yield iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def _submit_next(futures: Iterator[Future[R]], pending: deque[Future[R]]) -> bool:
    """Append one more future, or the error in its place; tells whether there may be another."""
    try:
        pending.append(next(futures))
    except StopIteration:
        return False
    except Exception as error:
        failed: Future[R] = Future()
        failed.set_exception(error)
        pending.append(failed)
        return False
    return True
