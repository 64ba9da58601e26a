"""The table of where the time went."""

from __future__ import annotations

from pathlib import Path

import pytest
from persam_vos_cli.stage_table import print_stages

from persam_vos import TrackSummary
from persam_vos.runtime.profiler import StageTime


def test_stages_have_shares_and_their_parts_stand_below(capsys: pytest.CaptureFixture[str]) -> None:
    stages = (StageTime("track", 2.0, 0.5, 4), StageTime("track/decode", 1.0, 0.0, 8))
    places = (Path("out"), Path("out/masks"), None, Path("out/track.json"))
    print_stages(TrackSummary(*places, 4, (1,), 4.0, (), stages=stages))
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "." in line]
    assert lines == [
        ["track", "2.00", "50%", "0.50", "4", "500.00"],
        ["decode", "1.00", "25%", "8", "125.00"],
    ]
