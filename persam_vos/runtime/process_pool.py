"""Processes that work side by side; knows nothing of what they do, and needs no torch."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from ..errors import WorkerError, param

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


def map_in_processes(
    work: Callable[[Job], Outcome],
    jobs: Sequence[Job],
    *,
    workers: int,
    start: Callable[[], None],
    remedy: str | None = None,
) -> Generator[Outcome, None, None]:
    """Do ``work`` on each job, in processes, and yield the outcomes in the order of the jobs.

    ``start`` is called once in each process; it and ``work`` are functions of modules or partials
    of them. Raises what ``work`` raises, and WorkerError for a process that died; jobs that have
    not begun are then dropped. ``remedy`` says what to do about it, by default to use fewer.
    """
    with _pool(workers, start) as pool:
        for future in [pool.submit(work, job) for job in jobs]:
            yield _result(future, remedy)


def collect_from_processes(
    work: Callable[[Job], Outcome],
    jobs: Iterable[Job],
    *,
    workers: int,
    start: Callable[[], None],
    lost: Callable[[Job, WorkerError], Outcome],
) -> Generator[Outcome, None, None]:
    """Do the same, but yield the outcomes as they come.

    ``lost`` makes the outcome of each job whose process died, and of those after it: a process that
    dies ends the pool.
    """
    with _pool(workers, start) as pool:
        jobs_by_future = {pool.submit(work, job): job for job in jobs}
        for future in as_completed(jobs_by_future):
            try:
                outcome = _result(future)
            except WorkerError as error:
                outcome = lost(jobs_by_future[future], error)
            yield outcome


@contextmanager
def _pool(workers: int, start: Callable[[], None]) -> Iterator[ProcessPoolExecutor]:
    # "spawn", since a process that has threads (torch, OpenCV) or a GPU must not be forked.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=start)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: Future[Outcome], remedy: str | None = None) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise WorkerError(
            "worker process",
            got="an early end (out of memory, or a file that crashes its decoder?)",
            expected="one that finishes its work",
            remedy=remedy or f"use fewer {param('workers')}",
        ) from error
