"""Processes side by side: order, errors, and processes that die."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import pytest
from process_work import MAGIC, nothing, start, work

from persam_vos.errors import WorkerError
from persam_vos.runtime.process_pool import collect_from_processes, map_in_processes


def test_outcomes_come_in_order_from_processes_that_were_started() -> None:
    found = map_in_processes(work, [3, 1, 2], workers=2, start=partial(start, "here"))
    assert list(found) == [(9, "here"), (1, "here"), (4, "here")]
    assert "PERSAM_VOS_TEST_POOL" not in os.environ


def test_what_work_raises_is_raised() -> None:
    with pytest.raises(KeyError):
        list(map_in_processes(work, [1, MAGIC], workers=1, start=nothing))


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(WorkerError, match=r"an early end.*; use fewer workers"):
        list(map_in_processes(work, [-1], workers=1, start=nothing))


def test_every_job_is_answered_for_though_a_process_dies() -> None:
    def lost(job: int, error: WorkerError) -> tuple[int, str]:
        return job, str(error).partition(":")[0]

    jobs = [2, -1, 3]
    found = list(collect_from_processes(work, jobs, workers=1, start=nothing, lost=lost))
    assert len(found) == len(jobs)
    assert (-1, "worker process") in found


def test_it_needs_no_torch() -> None:
    code = "import sys, persam_vos.runtime.process_pool; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
