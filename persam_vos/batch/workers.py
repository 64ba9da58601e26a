"""Several clips at a time: on a CPU in processes, on a GPU in threads that share batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from typing import TypeVar

import cv2
import torch

from ..errors import WorkerError
from ..request import EngineChoice
from ..runtime.process_pool import collect_from_processes
from ..tracking.engine import Engine
from ..tracking.load import load_choice

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


def run_jobs(
    jobs: Sequence[Job],
    work: Callable[[Job, Engine], Outcome],
    *,
    engine: Engine,
    choice: EngineChoice,
    workers: int,
    lost: Callable[[Job, WorkerError], Outcome],
) -> Generator[Outcome, None, None]:
    """Do ``work`` on each job, and yield its outcomes as they come, in any order.

    One worker is this thread, with ``engine``. More are threads that share an engine which encodes
    in batches, as on a GPU. Otherwise they are processes that load ``choice``, each with its share
    of the cores; ``work`` is then a function of a module, and jobs and outcomes can be pickled.
    ``lost`` makes the outcome of a job whose process died.
    """
    workers = min(workers, len(jobs))
    if workers <= 1:
        yield from (work(job, engine) for job in jobs)
    elif engine.encode_batcher.batch_size > 1:
        yield from _in_threads(jobs, work, engine, workers)
    else:
        threads = max(1, (os.cpu_count() or 1) // workers)
        yield from collect_from_processes(
            partial(_work, work),
            jobs,
            workers=workers,
            start=partial(_start_worker, choice, threads),
            lost=lost,
        )


def _in_threads(
    jobs: Sequence[Job], work: Callable[[Job, Engine], Outcome], engine: Engine, workers: int
) -> Generator[Outcome, None, None]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="persam-vos-clip")
    # Left early, the engine ends before the pool waits for its clips: they end with it.
    with pool, engine.shared() as shared:
        try:
            for future in as_completed([pool.submit(work, job, shared) for job in jobs]):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_engine: Engine | None = None  # of a worker process, which loads it once


def _start_worker(choice: EngineChoice, threads: int) -> None:
    global _engine
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    _engine = load_choice(choice, share_cores=True)


def _work(work: Callable[[Job, Engine], Outcome], job: Job) -> Outcome:
    assert _engine is not None  # _start_worker ran before
    return work(job, _engine)
