"""Overlay videos, read back: times, sound, size and colours."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from exported_run import CHART, SIZE_HW, TIMES, export

from persam_vos.media.reader import open_source


def test_times_and_sound_are_those_of_the_source(video_run: Path, tmp_path: Path) -> None:
    path = export(video_run, "overlay:style=side-by-side", tmp_path)
    source = open_source(path)
    assert [frame.time_seconds for frame in source.frames()] == pytest.approx(TIMES, abs=0.001)
    assert source.info.size_hw == (SIZE_HW[0] + 1, 2 * SIZE_HW[1])
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 1


def test_colours_of_the_source_are_near(video_run: Path, tmp_path: Path) -> None:
    path = export(video_run, "overlay:style=contour", tmp_path)
    frame = next(open_source(path).frames())
    middles = [round((i + 0.5) * SIZE_HW[1] / len(CHART)) for i in range(len(CHART))]
    # Bars of six pixels share their chroma with their neighbours.
    luma = np.array([0.2126, 0.7152, 0.0722])
    found = frame.image[33, middles] @ luma
    assert np.abs(found - CHART @ luma).max() <= 12
