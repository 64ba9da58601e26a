from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from persam_vos.exports.alpha_video import VP9_ALPHA
from persam_vos.media.video_writer import VideoWriter
from persam_vos.structures import SourceInfo


@pytest.mark.parametrize("size_hw", [(64, 96), (49, 71)], ids=["even", "odd"])
def test_alpha_comes_back_without_loss(tmp_path: Path, size_hw: tuple[int, int]) -> None:
    info = SourceInfo("x", "images", size_hw, 30, Fraction(24))
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (30, *size_hw, 4), np.uint8)
    with VideoWriter(tmp_path / "a.webm", info, VP9_ALPHA) as writer:
        for index, pixels in enumerate(pictures):
            writer.write(pixels, index / 24)
    with av.open(str(tmp_path / "a.webm")) as container:
        stream = container.streams.video[0]
        assert stream.metadata["ALPHA_MODE"] == "1"
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        frames = [one for packet in container.demux(stream) for one in decoder.decode(packet)]
    assert len(frames) == 30
    for frame, pixels in zip(frames, pictures, strict=True):
        rows = np.frombuffer(bytes(frame.planes[3]), np.uint8).reshape(size_hw[0], -1)
        np.testing.assert_array_equal(rows[:, : size_hw[1]], pixels[..., 3])
