"""GIF and WebP, read back by Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exported_run import SIZE_HW, TIMES, chart_picture, export
from PIL import Image, ImageSequence


@pytest.mark.parametrize(("name", "unit"), [("gif", 10), ("webp", 1)])
def test_pictures_and_times_come_back(
    name: str, unit: int, video_run: Path, tmp_path: Path
) -> None:
    path = export(video_run, f"{name}:style=contour,rate=50", tmp_path)
    with Image.open(path) as moving:
        assert moving.size == SIZE_HW[::-1]
        assert moving.info["loop"] == 0
        pictures = list(ImageSequence.all_frames(moving))
    assert len(pictures) == len(TIMES)
    shown = [one.info["duration"] for one in pictures]
    assert np.cumsum([0, *shown[:-1]]) == pytest.approx(1000 * np.array(TIMES), abs=unit)
    found = np.asarray(pictures[3].convert("RGB")).astype(int)
    difference = np.abs(found - chart_picture(3))
    assert np.median(difference) <= 12


def test_there_are_not_too_many_pictures(video_run: Path, tmp_path: Path) -> None:
    path = export(video_run, "gif:rate=5,width=32", tmp_path)
    with Image.open(path) as moving:
        assert moving.size == (32, 22)
        pictures = list(ImageSequence.all_frames(moving))
    assert len(pictures) == 3
    assert sum(one.info["duration"] for one in pictures) == pytest.approx(540, abs=20)
