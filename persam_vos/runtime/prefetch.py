"""Bounded queues between the stages of a clip: the one place that starts threads for them.

A worker's error is raised in the thread that consumes or feeds it, never lost, never a hang.
"""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1  # how soon a stopped neighbour is noticed while a queue is full or empty


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _End:
    pass


def prefetch(items: Iterable[T], *, depth: int = 2) -> Generator[T, None, None]:
    """Iterate over ``items`` in a thread of its own, at most ``depth`` items ahead.

    Items come in order. An error of ``items`` is raised here after the items before it. Closing
    the generator, leaving its loop, or the end of the program stops the thread and closes
    ``items``.
    """
    box: queue.Queue[T | _Failure | _End] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def work() -> None:
        try:
            _feed(box, items, stopped)
        except BaseException as error:
            _put(box, _Failure(error), stopped)
        else:
            _put(box, _End(), stopped)

    worker = threading.Thread(target=work, name="persam-vos-prefetch", daemon=True)

    def stop() -> None:
        stopped.set()
        worker.join()

    # A program may end with the generator unfinished: a thread that is then inside a library's
    # compiled code would be torn down there, which aborts the process.
    atexit.register(stop)
    worker.start()
    try:
        while not isinstance(item := _get(box, stopped), _End):
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        atexit.unregister(stop)
        stop()


class Sink(Generic[T]):
    """Hand items to ``consume`` in a thread of its own, at most ``depth`` items behind.

    A context manager. `put` blocks while the queue is full, and raises the error of ``consume``
    once it has failed. On a normal exit everything put so far is consumed first; on an exception
    too, so that finished work is kept.
    """

    def __init__(self, consume: Callable[[T], None], *, depth: int = 4) -> None:
        self._consume = consume
        self._box: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
        self._failed = threading.Event()
        self._error: BaseException | None = None
        self._worker = threading.Thread(target=self._work, name="persam-vos-sink", daemon=True)
        self._worker.start()

    def put(self, item: T) -> None:
        """Queue one item; raises what ``consume`` raised, if it has failed."""
        if not _put(self._box, item, self._failed):
            self._raise()

    def close(self) -> None:
        """Wait until everything is consumed; raises what ``consume`` raised, if it has failed."""
        _put(self._box, _End(), self._failed)
        self._worker.join()
        self._raise()

    def __enter__(self) -> Sink[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except BaseException:
            if kind is None:  # else the first error is the one to see
                raise

    def _work(self) -> None:
        try:
            while not isinstance(item := self._box.get(), _End):
                self._consume(item)
        except BaseException as error:
            self._error = error
            self._failed.set()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


def _feed(box: queue.Queue[T], items: Iterable[T], stopped: threading.Event) -> None:
    """Put every item until stopped, then close the iterator if it can be closed."""
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(box, item, stopped):
                break
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def _put(box: queue.Queue[T], item: T, stopped: threading.Event) -> bool:
    """Put, giving up when the other side has stopped; tells whether the item was put."""
    while not stopped.is_set():
        with suppress(queue.Full):
            box.put(item, timeout=_POLL_SECONDS)
            return True
    return False


def _get(box: queue.Queue[T], stopped: threading.Event) -> T | _End:
    """Get, giving up when the worker was stopped by the end of the program."""
    while not stopped.is_set():
        with suppress(queue.Empty):
            return box.get(timeout=_POLL_SECONDS)
    return _End()
