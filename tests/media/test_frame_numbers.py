from __future__ import annotations

import pytest

from persam_vos.media.frame_numbers import no_such_frame


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1, "clip.mp4, frame 9: got 1 frame, expected a frame from 0 to 0; count frames from 0"),
        (8, "clip.mp4, frame 9: got 8 frames, expected a frame from 0 to 7; count frames from 0"),
    ],
)
def test_the_frames_that_there_are_are_told(count: int, message: str) -> None:
    assert str(no_such_frame("clip.mp4", 9, count)).startswith(message)
