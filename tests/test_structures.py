"""What crosses a border between rooms is checked when it is made."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from persam_vos.structures import Frame, ObjectResult, Prompts, TrackedFrame


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((4, 5), np.uint8), id="grey"),
        pytest.param(np.zeros((4, 5, 4), np.uint8), id="with alpha"),
        pytest.param(np.zeros((4, 5, 3), np.float32), id="float"),
    ],
)
def test_a_frame_is_an_rgb_picture(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\)"):
        Frame(0, "0", image, 0.0)


def test_sizes_are_height_and_width() -> None:
    assert Frame(0, "0", np.zeros((4, 5, 3), np.uint8), 0.0).size_hw == (4, 5)


def test_an_object_is_visible_if_it_has_a_pixel() -> None:
    assert ObjectResult(1, (0, 0, 0, 0), 1, 0.5).visible
    assert not ObjectResult(1, None, 0, 0.5).visible


def test_a_tracked_frame_has_its_frames_index_and_name() -> None:
    frame = Frame(3, "00003", np.zeros((4, 5, 3), np.uint8), 0.1)
    tracked = TrackedFrame(frame, np.zeros((4, 5), np.uint8), ())
    assert (tracked.index, tracked.name) == (3, "00003")


def test_prompts_of_some_objects_keep_what_is_missing_missing() -> None:
    points = torch.arange(12.0).view(3, 2, 2)
    prompts = Prompts(points, torch.ones(3, 2), dense_logits=torch.ones(3, 1, 4, 4))
    some = prompts.rows([2, 0])
    assert torch.equal(some.points_xy, points[[2, 0]])
    assert some.dense_logits is not None
    assert len(some.dense_logits) == 2
    assert some.guide is None
    half = prompts.to(torch.float16)
    assert half.dense_logits is not None
    assert half.dense_logits.dtype is torch.float16
    assert half.points_xy.dtype is torch.float32
