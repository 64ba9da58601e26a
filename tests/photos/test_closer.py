"""Small objects are outlined in a window round them."""

from __future__ import annotations

import numpy as np
from demo_clip import DemoFrames, RememberingEngine

from persam_vos.photos.closer import is_small, outlined_closer


def test_an_object_is_small_by_the_long_side_of_its_box() -> None:
    assert is_small((0, 0, 33, 20), (100, 60))
    assert not is_small((0, 0, 34, 20), (100, 60))


def test_a_small_object_is_outlined_anew_and_the_rest_stays(
    small_engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    frame, labels = demo_frames.frames[0], demo_frames.labels[0]
    sizes = {i: int((labels == i).sum()) for i in (1, 2, 3)}
    mask = labels == min(sizes, key=sizes.__getitem__)
    outlined = outlined_closer(small_engine, frame, mask)
    assert (outlined & mask).sum() / (outlined | mask).sum() > 0.6
    everything = np.ones(labels.shape, np.bool_)
    assert outlined_closer(small_engine, frame, everything) is everything
    nothing = np.zeros(labels.shape, np.bool_)
    assert outlined_closer(small_engine, frame, nothing) is nothing
