"""Several clips at a time: on a CPU in processes, on a GPU in threads that share batches."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2
import torch

from ..api import load_engine
from ..config import MethodSettings
from ..files.progress import ProgressCallback
from ..tracking.engine import Engine
from ..weights import DEFAULT_WEIGHTS

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """What `load_engine` is given, in this process and in others; see there."""

    weights: str = DEFAULT_WEIGHTS
    checkpoint: Path | None = None
    device: str = "auto"
    dtype: str = "auto"
    backend: str = "auto"
    settings: MethodSettings = field(default_factory=MethodSettings)

    def load(self, on_progress: ProgressCallback | None = None) -> Engine:
        """Load the network, and share the cores; raises what `load_engine` raises."""
        engine = load_engine(
            self.weights,
            checkpoint=self.checkpoint,
            device=self.device,
            dtype=self.dtype,
            backend=self.backend,
            settings=self.settings,
            on_progress=on_progress,
        )
        _leave_cores(engine)
        return engine


def run_jobs(
    jobs: Sequence[Job],
    work: Callable[[Job, Engine], Outcome],
    *,
    engine: Engine,
    choice: EngineChoice,
    workers: int,
    lost: Callable[[Job, str], Outcome],
) -> Iterator[Outcome]:
    """Do ``work`` on each job, and yield what it answers as it comes, in any order.

    One worker is this thread, with ``engine``. More are threads that share an engine which encodes
    in batches, as on a GPU. Otherwise they are processes that load ``choice``, each with its share
    of the cores; ``work`` is then a function of a module, and jobs and outcomes can be pickled.
    ``lost`` answers for a job whose process died, given a sentence that says so.
    """
    workers = min(workers, len(jobs))
    if workers <= 1:
        yield from (work(job, engine) for job in jobs)
    elif engine.encode_batcher.batch_size > 1:
        yield from _in_threads(jobs, work, engine, workers)
    else:
        yield from _in_processes(jobs, work, choice, workers, lost)


def _leave_cores(engine: Engine) -> None:
    """Leave half of the cores to the encoder, where its runtime has threads of its own.

    With more threads than cores those of torch spend their time waiting for each other.
    """
    if engine.encoding.backend != "torch" and engine.overlaps:
        torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // 2)))


def _in_threads(
    jobs: Sequence[Job], work: Callable[[Job, Engine], Outcome], engine: Engine, workers: int
) -> Iterator[Outcome]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="persam-vos-clip")
    # Left early, the engine ends before the pool waits for its clips: they end with it.
    with pool, engine.shared() as shared:
        try:
            for future in as_completed([pool.submit(work, job, shared) for job in jobs]):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _in_processes(
    jobs: Sequence[Job],
    work: Callable[[Job, Engine], Outcome],
    choice: EngineChoice,
    workers: int,
    lost: Callable[[Job, str], Outcome],
) -> Iterator[Outcome]:
    # "spawn", since a process that has threads or a GPU must not be forked.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(choice, max(1, (os.cpu_count() or 1) // workers)),
    )
    try:
        started = {pool.submit(_work, work, job): job for job in jobs}
        for future in as_completed(started):
            try:
                yield future.result()
            except BrokenProcessPool:
                why = "a worker process ended early (out of memory?); try fewer workers"
                yield lost(started[future], why)
    finally:
        pool.shutdown(cancel_futures=True)


_engine: Engine | None = None  # of a worker process, which loads it once


def _start_worker(choice: EngineChoice, threads: int) -> None:
    global _engine
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    _engine = choice.load()


def _work(work: Callable[[Job, Engine], Outcome], job: Job) -> Outcome:
    assert _engine is not None  # _start_worker ran before
    return work(job, _engine)
