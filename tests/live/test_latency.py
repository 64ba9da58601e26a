"""Figures of latencies."""

from __future__ import annotations

from persam_vos.live.latency import LatencyLog


def test_median_and_p95_are_those_of_all_frames() -> None:
    log = LatencyLog()
    assert (log.median(), log.p95()) == (0, 0)
    for number in range(101):
        log.note(number / 100)
    assert (log.median(), log.p95()) == (0.5, 0.95)
