"""What the tests' worker processes do: in a module that they can import."""

from __future__ import annotations

import os

MAGIC = 7


def nothing() -> None:
    pass


def start(value: str) -> None:
    os.environ["PERSAM_VOS_TEST_POOL"] = value


def work(job: int) -> tuple[int, str]:
    if job == MAGIC:
        raise KeyError(job)
    if job < 0:
        os._exit(3)
    return job * job, os.environ.get("PERSAM_VOS_TEST_POOL", "")
