"""Outputs of live runs: either of them, or both."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from live_sources import SIZE_HW, captured, square

from persam_vos import TrackRequest
from persam_vos.live import LiveSettings
from persam_vos.live.first_frame import FirstFrame
from persam_vos.live.outputs import LiveOutputs
from persam_vos.runtime.timer import StageTimer
from persam_vos.structures import TrackedFrame


def opened(settings: LiveSettings, output: Path | None) -> LiveOutputs:
    request = TrackRequest(source="0", masks=square(), output=output)
    info = FirstFrame.of(captured(0), "camera 0").info
    return LiveOutputs(request, settings, info, StageTimer())


def test_a_frame_is_in_the_folder_and_on_the_pipe_when_write_returns(tmp_path: Path) -> None:
    source, target = os.pipe()
    with opened(LiveSettings(pipe=target), tmp_path / "out") as outputs:
        for index in (0, 5):
            tracked = TrackedFrame(captured(index).frame(), square(), ())
            outputs.write(tracked, time.perf_counter() - 2)
            assert (tmp_path / f"out/masks/{index:05d}.png").exists()
            found = np.frombuffer(os.read(source, 10**6), np.uint8).reshape(SIZE_HW)
            np.testing.assert_array_equal(found, square())
    assert outputs.count == 2
    assert 2 < outputs.latency.median() < 60
    os.close(source)
    os.close(target)


def test_an_error_hurries_the_pipe_and_goes_on(tmp_path: Path) -> None:
    source, target = os.pipe()
    large = TrackedFrame(captured(0, np.zeros((500, 400, 3), np.uint8)).frame(),
                         np.zeros((500, 400), np.uint8), ())  # fmt: skip
    with opened(LiveSettings(pipe=target), None) as outputs:
        with pytest.raises(KeyError), outputs.hurrying():
            raise KeyError
        with pytest.raises(Exception, match="takes nothing"):
            outputs.write(large, 0)
    assert (outputs.folder, [*tmp_path.iterdir()]) == (None, [])
    os.close(source)
    os.close(target)
