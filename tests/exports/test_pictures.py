"""Pictures of the source beside labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from exported_run import COUNT, chart_picture, export, read_png

from persam_vos.exports.clip import open_clip
from persam_vos.exports.pictures import frames_with_images


def test_png_is_exact_and_jpeg_near(video_run: Path, tmp_path: Path) -> None:
    exact = export(video_run, "frames:images=png", tmp_path / "png")
    near = export(video_run, "frames", tmp_path / "jpg")
    for index in range(COUNT):
        np.testing.assert_array_equal(read_png(exact / f"{index:05d}.png"), chart_picture(index))
        middles = np.s_[10, 3::7]
        found = read_png(near / f"{index:05d}.jpg").astype(int)
        assert np.abs(found[middles] - chart_picture(index)[middles]).max() <= 24


def test_without_pictures_the_video_is_not_opened(video_run: Path, tmp_path: Path) -> None:
    clip = open_clip(video_run, source="gone.mkv")
    assert len(list(frames_with_images(clip, tmp_path / "none", "none"))) == COUNT
    assert not (tmp_path / "none").exists()
