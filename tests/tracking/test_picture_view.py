"""Windows of a picture: what is said and seen there is said in pixels of the whole picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine

from persam_vos import MethodSettings
from persam_vos.tracking.picture_view import PictureView


@pytest.fixture(scope="module")
def small(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, settings=MethodSettings(image_size=256))


@pytest.mark.parametrize(
    ("box", "margin"),
    [
        ((400, 200, 480, 260), 0.25),
        ((0, 0, 40, 30), 0.5),
        ((800, 450, 854, 480), 0.5),
        ((0, 0, 854, 480), 0.25),
        ((10, 10, 11, 11), 0.25),
    ],
)
def test_a_window_holds_its_box_and_lies_in_the_picture(
    small: RememberingEngine,
    demo_frames: DemoFrames,
    box: tuple[float, float, float, float],
    margin: float,
) -> None:
    frame = demo_frames.frames[0]
    view = PictureView.round_box(small, frame, box, margin)
    (left, top), (height, width) = view.corner_xy, view.encoded.frame.size_hw
    assert left <= box[0] and top <= box[1]
    assert left + width >= box[2] and top + height >= box[3]
    np.testing.assert_array_equal(
        view.encoded.frame.image, frame.image[top : top + height, left : left + width]
    )


def test_masks_of_a_window_lie_where_it_lies(
    small: RememberingEngine, demo_frames: DemoFrames
) -> None:
    view = PictureView.round_box(small, demo_frames.frames[0], (400, 200, 480, 260), 0.25)
    (left, top), (height, width) = view.corner_xy, view.encoded.frame.size_hw
    grid = view.logits_of(torch.ones(480, 854, dtype=torch.bool), 6.0)
    masks = torch.cat([view.masks(grid), view.mask(grid[0])[None]])
    assert masks.shape == (2, 480, 854)
    assert masks[:, top : top + height, left : left + width].float().mean() > 0.99
    masks[:, top : top + height, left : left + width] = False
    assert not masks.any()


def test_a_point_finds_the_same_place_in_the_whole_and_in_a_window(
    small: RememberingEngine, demo_frames: DemoFrames
) -> None:
    truth = demo_frames.labels[0] == 3
    y, x = (int(np.median(side)) for side in np.nonzero(truth))
    rows, columns = np.nonzero(truth)
    box = (
        float(columns.min()),
        float(rows.min()),
        float(columns.max()),
        float(rows.max()),
    )
    whole = PictureView.whole(small, small.encode(demo_frames.frames[0]))
    for view in (whole, PictureView.round_box(small, demo_frames.frames[0], box, 0.25)):
        with torch.inference_mode():
            decoded = view.decode([(x, y, 1)], box)
            found = view.masks(decoded.low_res_logits[0, 1:]).numpy()
        best = max((truth & mask).sum() / (truth | mask).sum() for mask in found)
        assert best > 0.6
