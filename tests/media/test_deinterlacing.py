"""Interlaced pictures are made whole; their number, order and times stay."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from odd_videos import Clip

from persam_vos.media.read_options import ReadOptions
from persam_vos.media.reader import open_source

COUNT, HEIGHT, WIDTH = 8, 96, 128


def bar(moment: float) -> np.ndarray:
    """A white bar that moves by 8 pixels a frame."""
    image = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    left = round(16 + 8 * moment)
    image[:, left : left + 16] = 220
    return image


def interlaced(path: Path) -> Path:
    """Write pictures whose rows are of two moments in turn."""
    clip = Clip(
        size_hw=(HEIGHT, WIDTH), options={"x264-params": "interlaced=1", "crf": "1"}, name=path.name
    )
    with clip.opened(path) as (container, stream):
        for index in range(COUNT):
            woven = bar(index)
            woven[1::2] = bar(index + 0.5)[1::2]
            container.mux(clip.encode(stream, woven, index / 24))
        container.mux(stream.encode(None))
    return path


def combing(image: np.ndarray) -> float:
    """How much neighbouring rows differ, more than rows of one field."""
    grey = image.astype(float).mean(axis=2)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean())


def test_rows_of_two_moments_are_told_apart(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "a.mp4")
    whole = open_source(path)
    woven = open_source(path, options=ReadOptions(deinterlace=False))
    assert whole.info.interlaced
    assert any("deinterlaced" in warning for warning in whole.warnings)
    assert woven.warnings == ()
    frames, combed = list(whole), list(woven)
    assert [one.time_seconds for one in frames] == [one.time_seconds for one in combed]
    assert [one.name for one in frames] == [one.name for one in combed]
    for one, other in zip(frames[1:], combed[1:], strict=True):
        assert combing(one.image) < 0.3 * combing(other.image)


def test_backwards_they_are_the_same(tmp_path: Path) -> None:
    source = open_source(interlaced(tmp_path / "a.mp4"))
    for one, other in zip(source, reversed(list(source.frames_reversed(7))), strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_filters_are_in_this_build_of_ffmpeg() -> None:
    assert "bwdif" in av.filter.filters_available
