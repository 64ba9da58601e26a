"""The program that shows pictures: what it reads."""

from __future__ import annotations

import io
from collections import deque

import numpy as np
from media_clips import picture

from persam_vos.live.viewer import SIZE, read_pictures

DATA = b"".join(SIZE.pack(64, 96) + picture(index).tobytes() for index in range(3))


def test_pictures_are_read_as_bgr_until_the_end() -> None:
    found: deque[np.ndarray | None] = deque()
    read_pictures(io.BytesIO(DATA + SIZE.pack(64, 96) + b"cut"), found)
    assert found.pop() is None
    assert len(found) == 3
    for index, one in enumerate(found):
        assert one is not None
        np.testing.assert_array_equal(one[:, :, ::-1], picture(index))


def test_of_pictures_that_come_too_fast_the_newest_is_kept() -> None:
    newest: deque[np.ndarray | None] = deque(maxlen=1)
    read_pictures(io.BytesIO(DATA), newest)
    assert newest == deque([None])
