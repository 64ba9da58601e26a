"""Read ahead: the items of an iterator, produced in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import Enum
from functools import partial
from typing import TypeVar

from .ordered_pool import closing_iterator, look_ahead

T = TypeVar("T")


class _End(Enum):
    END = 0


def prefetch(items: Iterable[T], *, depth: int = 2) -> Generator[T, None, None]:
    """Iterate over ``items`` in a thread of its own.

    At most ``depth`` items are ready ahead of the consumer, and one more is being produced. Items
    come in order. An error of ``items`` is raised here after the items before it. The end, an
    error, closing the generator or dropping it stops the thread, which closes ``items``. At the end
    of the program the thread finishes the items that were submitted.
    """
    stopped = threading.Event()
    following = partial(next, _until(stopped, items), _End.END)
    with ThreadPoolExecutor(1, thread_name_prefix="persam-vos-prefetch") as thread:
        submit: Callable[[], Future[T | _End]] = partial(thread.submit, following)
        try:
            # One is due at once: beside it, `depth` are ready and one is in the making.
            for item in look_ahead(iter(submit, None), depth + 2):
                if isinstance(item, _End):
                    return
                yield item
        finally:
            stopped.set()  # calls that were submitted still run, and end the iteration


def _until(stopped: threading.Event, items: Iterable[T]) -> Generator[T, None, None]:
    """Yield the items until stopped, then close their iterator; all in the thread that asks."""
    with closing_iterator(items) as iterator:
        while not stopped.is_set():
            try:
                yield next(iterator)
            except StopIteration:
                return
