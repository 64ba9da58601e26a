"""Writing behind: done in any order, committed in order, a bound on what is behind."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from persam_vos.runtime.ordered_writer import OrderedWriter

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("no_thread_is_left")]
SIZES = pytest.mark.parametrize(("workers", "pending"), [(1, 0), (1, 1), (1, 4), (2, 4), (4, 8)])


def nothing() -> None:
    pass


def fail() -> None:
    raise OSError("disk full")


def _wait(event: threading.Event) -> None:
    event.wait()


def submit(writer: OrderedWriter, value: int, work: Callable[[], None], log: list[str]) -> None:
    writer.submit(
        work,
        commit=lambda: log.append(f"commit {value}"),
        undo=lambda: log.append(f"undo {value}"),
    )


@SIZES
def test_tasks_are_committed_in_order_and_never_far_behind(workers: int, pending: int) -> None:
    done: list[int] = []
    log: list[str] = []
    with OrderedWriter(workers=workers, pending=pending) as writer:
        for value in range(50):
            submit(writer, value, partial(done.append, value), log)
            assert value + 1 - len(log) <= pending
        writer.flush()
        assert log == [f"commit {value}" for value in range(50)]
    assert sorted(done) == list(range(50))


@pytest.mark.parametrize("pending", [0, 1, 4])
def test_one_worker_does_one_task_after_another(pending: int) -> None:
    done: list[int] = []
    with OrderedWriter(pending=pending) as writer:
        for value in range(50):
            writer.submit(partial(done.append, value))
    assert done == list(range(50))


def test_nothing_pending_means_no_thread() -> None:
    threads: list[threading.Thread] = []
    with OrderedWriter(workers=4, pending=0) as writer:
        writer.submit(lambda: threads.append(threading.current_thread()))
    assert threads == [threading.current_thread()]


def test_a_writer_without_tasks_ends() -> None:
    with OrderedWriter():
        pass


def test_what_is_done_early_is_committed_after_what_was_submitted_before_it() -> None:
    second, log = threading.Event(), list[str]()
    with OrderedWriter(workers=2) as writer:
        submit(writer, 0, partial(_wait, second), log)
        submit(writer, 1, second.set, log)
    assert log == ["commit 0", "commit 1"]


@SIZES
@pytest.mark.parametrize("at", [0, 1, 29])
def test_nothing_counts_after_a_task_that_failed(workers: int, pending: int, at: int) -> None:
    log: list[str] = []
    with (
        pytest.raises(OSError, match="disk full"),
        OrderedWriter(workers=workers, pending=pending) as writer,
    ):
        for value in range(30):
            submit(writer, value, fail if value == at else nothing, log)
    commits = [line for line in log if line.startswith("commit")]
    assert commits == [f"commit {value}" for value in range(at)]


def test_one_worker_begins_nothing_after_a_task_that_failed() -> None:
    done: list[int] = []
    submitted = threading.Event()

    def fail_later() -> None:
        submitted.wait()
        fail()

    writer = OrderedWriter(pending=4)
    writer.submit(fail_later)
    writer.submit(partial(done.append, 1))
    submitted.set()
    with pytest.raises(OSError, match="disk full"):
        writer.close()
    assert done == []


def test_what_was_done_after_a_task_that_failed_is_undone() -> None:
    def fail_later() -> None:
        second.wait()
        fail()

    second, log = threading.Event(), list[str]()
    with pytest.raises(OSError, match="disk full"), OrderedWriter(workers=2) as writer:
        submit(writer, 0, fail_later, log)
        submit(writer, 1, second.set, log)
    assert log == ["undo 1"]


def test_a_later_failure_does_not_keep_an_earlier_task_from_being_done() -> None:
    failed, log = threading.Event(), list[str]()

    def fail_and_tell() -> None:
        failed.set()
        fail()

    with pytest.raises(OSError, match="disk full"), OrderedWriter(workers=2) as writer:
        submit(writer, 0, partial(_wait, failed), log)
        submit(writer, 1, fail_and_tell, log)
    assert log == ["commit 0"]


def test_what_fails_to_be_committed_ends_it_too() -> None:
    log: list[str] = []
    writer = OrderedWriter(workers=2)
    with pytest.raises(OSError, match="disk full"):
        writer.submit(nothing, commit=fail)
        submit(writer, 1, nothing, log)
        writer.flush()
    writer.close()
    assert "commit 1" not in log


def test_an_error_in_the_block_keeps_what_was_submitted() -> None:
    seen: list[int] = []

    def slowly(value: int) -> None:
        time.sleep(0.01)
        seen.append(value)

    with pytest.raises(KeyboardInterrupt), OrderedWriter() as writer:
        for value in range(4):
            writer.submit(partial(slowly, value))
        raise KeyboardInterrupt
    assert seen == [0, 1, 2, 3]


def test_the_first_error_is_the_one_to_see() -> None:
    raised = threading.Event()

    def fail_later() -> None:
        raised.wait()
        fail()

    with pytest.raises(ValueError, match="first"), OrderedWriter() as writer:
        writer.submit(fail_later)
        raised.set()
        raise ValueError("first")


def test_closing_twice_is_fine() -> None:
    with OrderedWriter() as writer:
        writer.close()
        writer.close()


UNFINISHED = """
import numpy as np
from persam_vos.runtime.ordered_writer import OrderedWriter
writer = OrderedWriter(workers=2)
writer.submit(lambda: print((np.ones((500, 500)) @ np.ones((500, 500))).shape[0]))
"""


def test_a_program_may_end_with_a_task_pending_which_is_done() -> None:
    run = subprocess.run(
        [sys.executable, "-c", UNFINISHED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "500\n", "")
