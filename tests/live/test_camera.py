"""Cameras, by OpenCV; a video file stands in for one, by the same class that opens cameras."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from live_sources import SIZE_HW
from media_clips import picture

from persam_vos.errors import MediaError
from persam_vos.live.camera import camera_frames, frames_of
from persam_vos.live.capture import Captured

FRAMES = 5


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "camera.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=20)
        stream.height, stream.width = SIZE_HW
        stream.pix_fmt = "yuvj420p"
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_frames_come_in_rgb_until_the_camera_stops(film: Path) -> None:
    found: list[Captured] = []
    with pytest.raises(MediaError, match=f"camera 9: got {FRAMES} frames, then no more"):
        found.extend(frames_of(cv2.VideoCapture(str(film)), "camera 9"))
    assert [one.index for one in found] == list(range(FRAMES))
    assert found[0].seconds == 0
    assert found[0].facts.frames_per_second == 20
    assert found[0].seconds < found[-1].seconds
    for index, one in enumerate(found):
        assert np.abs(one.to_image().astype(int) - picture(index)).mean() < 8


def test_a_camera_is_released_when_it_is_left(film: Path) -> None:
    camera = cv2.VideoCapture(str(film))
    frames = frames_of(camera, "camera 0")
    next(iter(frames))
    frames.close()  # type: ignore[attr-defined]  # a generator, called an iterator
    assert not camera.isOpened()


def test_a_camera_that_is_not_there_is_explained_in_one_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(MediaError, match="camera 97: got no camera of this number"):
        next(camera_frames(97))
    assert capfd.readouterr() == ("", "")
