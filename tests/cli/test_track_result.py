"""What is printed of a finished video."""

from __future__ import annotations

from pathlib import Path

import pytest
from persam_vos_cli.track_result import print_summary

from persam_vos import TrackSummary


def test_times_out_of_sight_are_told_the_first_few_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spans = {1: [(3, 3), (7, 12)], 2: [(10 * k, 10 * k + 1) for k in range(11)]}
    places = (Path("out"), Path("out/masks"), None, Path("out/track.json"))
    print_summary(TrackSummary(*places, 20, (1, 2), 4.0, (), absent=spans))
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "20 frames, objects 1, 2, 4.0 s (5.00 frames/s)"
    assert told[1] == "absent   object 1 in frames 3, 7-12"
    assert told[2].endswith("60-61, 70-71 and 3 times more")
