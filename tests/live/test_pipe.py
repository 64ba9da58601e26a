"""Label frames on a pipe: whole, or not at all, and never for ever."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from persam_vos.errors import OutputError
from persam_vos.live.pipe import LabelPipe, describe_format

LARGE = np.arange(400 * 500, dtype=np.uint32).astype(np.uint8).reshape(400, 500)
"""More than a pipe holds."""


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    source, target = os.pipe()
    yield source, target
    os.close(target)


def test_frames_arrive_row_by_row(ends: tuple[int, int]) -> None:
    source, target = ends
    got = bytearray()

    def read() -> None:
        while len(got) < 2 * LARGE.size:
            got.extend(os.read(source, 10_000))

    reader = threading.Thread(target=read)
    reader.start()
    pipe = LabelPipe(target, stall_seconds=20)
    pipe.write(LARGE)
    pipe.write(LARGE[::-1])
    reader.join()
    os.close(source)
    found = np.frombuffer(got, np.uint8).reshape(2, *LARGE.shape)
    np.testing.assert_array_equal(found, [LARGE, LARGE[::-1]])


def test_a_reader_that_has_gone_is_noticed(ends: tuple[int, int]) -> None:
    os.close(ends[0])
    with pytest.raises(BrokenPipeError):
        LabelPipe(ends[1], stall_seconds=20).write(LARGE)


def test_a_reader_that_takes_nothing_is_given_up(ends: tuple[int, int]) -> None:
    with pytest.raises(OutputError, match=r"pipe: got a reader that takes nothing for 0\.1 s"):
        LabelPipe(ends[1], stall_seconds=0.1).write(LARGE)
    os.close(ends[0])


def test_a_write_that_waits_can_be_hurried(ends: tuple[int, int]) -> None:
    pipe = LabelPipe(ends[1], stall_seconds=60)
    started = time.monotonic()
    threading.Timer(0.05, pipe.hurry).start()
    with pytest.raises(OutputError):
        pipe.write(LARGE)
    assert time.monotonic() - started < 30
    os.close(ends[0])


def test_readers_are_told_what_they_get() -> None:
    told = describe_format((480, 854))
    assert "854 x 480 pixels, 409920 bytes" in told
    assert "-pixel_format gray -video_size 854x480" in told
