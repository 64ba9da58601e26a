"""The first frame as a source of its own."""

from __future__ import annotations

import pytest
from live_sources import SIZE_HW, captured

from persam_vos.errors import MediaError
from persam_vos.live.first_frame import FirstFrame


def test_it_is_a_source_of_one_frame() -> None:
    source = FirstFrame.of(captured(0), "camera 0")
    info = source.info
    assert (info.path, info.size_hw, info.frame_count) == ("camera 0", SIZE_HW, None)
    assert info.frames_per_second == 25
    assert (info.codec, info.pixel_format) == ("test", "rgb24")
    assert list(source) == list(source.frames(0)) == list(source.frames_reversed(0))
    for frames in (source.frames, source.frames_reversed):
        with pytest.raises(MediaError, match="camera 0, frame 1: got 1 frame"):
            list(frames(1))
