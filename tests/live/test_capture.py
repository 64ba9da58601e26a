"""The thread that reads a live source: what it keeps, drops, raises, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest
from live_sources import captured

from persam_vos.errors import MediaError
from persam_vos.live.capture import FRAMES_AHEAD, Capture, Captured, Clock

pytestmark = pytest.mark.usefixtures("no_thread_is_left")


def capture(frames: Callable[[], Iterator[Captured]], *, drop: bool, stall: float = 20) -> Capture:
    return Capture(frames, name="test", drop=drop, stall_seconds=stall)


class Source:
    """Six frames that come when they are let: after the first, `go` lets all others come."""

    def __init__(self) -> None:
        self.go, self.sent, self.closed = threading.Event(), threading.Event(), False

    def __call__(self) -> Iterator[Captured]:
        try:
            yield captured(0)
            self.go.wait(20)
            yield from map(captured, range(1, 6))
            self.sent.set()
        finally:
            self.closed = True


def test_of_frames_that_come_meanwhile_the_newest_is_taken() -> None:
    source = Source()
    with capture(source, drop=True) as frames:
        taken = iter(frames)
        assert next(taken).index == 0
        source.go.set()
        assert source.sent.wait(20)
        assert [frame.index for frame in taken] == [5]
    assert (frames.received, frames.dropped, source.closed) == (6, 4, True)


def test_the_first_frame_is_never_dropped() -> None:
    source = Source()
    source.go.set()
    with capture(source, drop=True) as frames:
        assert source.sent.wait(20)
        assert [frame.index for frame in frames] == [0]
    assert (frames.received, frames.dropped) == (6, 5)


def test_without_dropping_the_source_waits_and_every_frame_is_taken() -> None:
    made: list[int] = []

    def source() -> Iterator[Captured]:
        for index in range(20):
            made.append(index)
            yield captured(index)

    with capture(source, drop=False) as frames:
        for position, frame in enumerate(frames):
            assert frame.index == position
            assert len(made) <= position + FRAMES_AHEAD + 2
    assert (frames.received, frames.dropped) == (20, 0)


@pytest.mark.parametrize("drop", [True, False])
def test_an_error_comes_after_the_frames_before_it(drop: bool) -> None:
    def source() -> Iterator[Captured]:
        yield captured(0)
        raise MediaError("the cable is out")

    with capture(source, drop=drop) as frames:
        taken = iter(frames)
        assert next(taken).index == 0
        with pytest.raises(MediaError, match="the cable is out"):
            next(taken)


def test_a_source_that_sends_nothing_is_given_up() -> None:
    source = Source()
    with capture(source, drop=True, stall=0.05) as frames:
        taken = iter(frames)
        assert next(taken).index == 0
        with pytest.raises(MediaError, match=r"test: got no frame for 0\.05 s"):
            next(taken)
        source.go.set()


@pytest.mark.parametrize("drop", [True, False])
def test_leaving_early_ends_the_thread_and_closes_the_source(drop: bool) -> None:
    closed = threading.Event()

    def endless() -> Iterator[Captured]:
        try:
            index = 0
            while True:
                yield captured(index)
                index += 1
        finally:
            closed.set()

    with capture(endless, drop=drop) as frames:
        assert next(iter(frames)).index == 0
    assert closed.is_set()


def test_frames_without_times_get_them_by_a_rate_or_by_arrival() -> None:
    steady, live = Clock(Fraction(25)), Clock()
    assert [steady.of(index, 9.0) for index in (0, 5)] == [0, 0.2]
    assert [live.of(index, arrived) for index, arrived in ((0, 7.5), (3, 8.0))] == [0, 0.5]


def test_a_frame_is_named_by_its_number_in_the_source() -> None:
    frame = captured(42).frame()
    assert (frame.index, frame.name, frame.time_seconds) == (42, "00042", 1.68)
