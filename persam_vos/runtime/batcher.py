"""Gather things into batches: those of one thread, in order, or of several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Gather items, ``size`` at a time and what is left at the end; in order.

    An error of ``items`` is raised after the batch of those before it.
    """
    batch: list[T] = []
    failure: Exception | None = None
    iterator = iter(items)
    while failure is None:
        try:
            batch.append(next(iterator))
        except Exception as error:
            failure = error
        if batch and (failure is not None or len(batch) == size):
            yield batch
            batch = []
    if not isinstance(failure, StopIteration):
        raise failure


class Batcher(Generic[T, R]):
    """Does ``work`` for several threads, in batches, in a thread of its own; a context manager.

    A batch has the item that has waited longest, and others with the same ``key``, at most
    ``batch_size`` in all. When ``work`` fails, each item is tried alone, so that the error reaches
    the thread that submitted it. The queue has no bound of its own: callers wait for results before
    they submit more. Leaving the block cancels what waits.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], list[R]],
        *,
        key: Callable[[T], Hashable],
        batch_size: int,
    ) -> None:
        self._work = work
        self._key = key
        self._batch_size = batch_size
        self._waiting: list[tuple[T, Future[R]]] = []
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="persam-vos-batcher")

    def submit(self, item: T) -> Future[R]:
        """Submit an item; returns its future result. Raises RuntimeError after the block."""
        future: Future[R] = Future()
        with self._lock:
            self._waiting.append((item, future))
        self._thread.submit(self._next_batch)  # finds nothing if this item was in a batch of others
        return future

    def __enter__(self) -> Batcher[T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)
        with self._lock:
            for one in self._waiting:
                one[1].cancel()

    def _next_batch(self) -> None:
        with self._lock:
            if not self._waiting:
                return
            key = self._key(self._waiting[0][0])
            alike = [one for one in self._waiting if self._key(one[0]) == key][: self._batch_size]
            in_batch = {id(future) for _, future in alike}
            self._waiting = [one for one in self._waiting if id(one[1]) not in in_batch]
        self._resolve(alike)

    def _resolve(self, batch: Sequence[tuple[T, Future[R]]]) -> None:
        try:
            results = self._work([item for item, _ in batch])
        except BaseException as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for one in batch:
                self._resolve([one])
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)
