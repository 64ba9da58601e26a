"""A profile: parts, waiting and calls of each stage, and a trace that viewers can read."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from persam_vos.errors import OutputError
from persam_vos.runtime.profiler import Profiler, StageTime
from persam_vos.runtime.timer import StageTimer


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A timer hand that the test moves."""
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def run(profile: StageTimer, hand: list[float]) -> None:
    """Two blocks of a stage with a part in each, 5 s apart; then one that writes."""
    for _ in range(2):
        with profile.measure("track"):
            hand[0] += 1.0
            with profile.part("decode"):
                hand[0] += 2.0
        hand[0] += 5.0
    with profile.measure("write"):
        hand[0] += 0.5


def events(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["traceEvents"]
    return found


def test_parts_follow_their_stage_and_waiting_is_the_time_between_blocks(
    tmp_path: Path, hand: list[float]
) -> None:
    with Profiler(tmp_path / "trace.json") as profile:
        run(profile, hand)
    assert profile.stages == (
        StageTime("track", 6.0, 5.0, 2),
        StageTime("track/decode", 4.0, 0.0, 2),
        StageTime("write", 0.5, 5.0, 1),
    )


def test_a_plain_timer_counts_no_parts(hand: list[float]) -> None:
    timer = StageTimer()
    run(timer, hand)
    assert timer.seconds == {"track": 6.0, "write": 0.5}


def test_the_trace_holds_every_block_in_microseconds(tmp_path: Path, hand: list[float]) -> None:
    with Profiler(tmp_path / "trace.json") as profile:
        run(profile, hand)
    blocks = [event for event in events(profile.trace) if event["ph"] == "X"]
    assert [(block["name"], block["ts"], block["dur"]) for block in blocks] == [
        ("decode", 1e6, 2e6),
        ("track", 0, 3e6),
        ("decode", 9e6, 2e6),
        ("track", 8e6, 3e6),
        ("write", 16e6, 5e5),
    ]


def test_threads_have_the_names_of_their_stages(tmp_path: Path) -> None:
    def read() -> None:
        with profile.measure("read"), profile.part("seek"):
            pass

    with Profiler(tmp_path / "trace.json") as profile:
        worker = threading.Thread(target=read)
        worker.start()
        worker.join()
        with profile.measure("write"):
            pass
    found = events(profile.trace)
    names = {e["tid"]: e["args"]["name"] for e in found if e["name"] == "thread_name"}
    assert {names[e["tid"]]: e["name"] for e in found if e["ph"] == "X"} == {
        "read": "read",
        "main": "write",
    }


def test_a_broken_off_run_keeps_its_trace_if_a_frame_was_finished(tmp_path: Path) -> None:
    for stage in ("read", "write"):
        with pytest.raises(RuntimeError), Profiler(tmp_path / stage) as profile:
            with profile.measure(stage):
                pass
            raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["write"]
    assert events(tmp_path / "write")


def test_a_trace_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no folder" / "trace.json"
    with pytest.raises(OutputError, match="no folder"), Profiler(path) as profile:  # noqa: SIM117
        with profile.measure("write"):
            pass
    with pytest.raises(RuntimeError, match="first"), Profiler(path) as profile:
        with profile.measure("write"):
            pass
        raise RuntimeError("first")
