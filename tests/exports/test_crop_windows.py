"""Windows that follow objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from exported_run import COUNT, IDS, known_box

from persam_vos.exports.clip import open_clip
from persam_vos.exports.crop_windows import CropWindows


def test_windows_hold_their_objects_and_are_smooth(image_run: Path) -> None:
    windows = CropWindows(open_clip(image_run))
    assert windows.spans == {2: (0, 5), 7: (0, 5)}
    for object_id in IDS:
        rows = windows.windows[object_id]
        assert rows.shape == (COUNT, 3)
        assert np.abs(np.diff(rows, axis=0)).max() < 2
        for index in range(COUNT):
            box = known_box(index, object_id)
            if box is not None:
                x, y, side = rows[index]
                assert x - side / 2 <= box[0] + 0.5
                assert y - side / 2 <= box[1] + 0.5
                assert x + side / 2 >= box[0] + box[2] - 0.5
                assert y + side / 2 >= box[1] + box[3] - 0.5


def test_a_window_of_its_own_size_shows_the_pixels(image_run: Path) -> None:
    clip = open_clip(image_run)
    windows = CropWindows(clip)
    frame = next(clip.pictures())
    windows.windows[2][0] = (20, 24, 16)
    crop = windows.crop(frame, frame.image, 2, 16)
    np.testing.assert_array_equal(crop, frame.image[16:32, 12:28])


def test_the_grid_has_a_cell_for_each_object(image_run: Path) -> None:
    clip = open_clip(image_run)
    windows = CropWindows(clip)
    grid = windows.grid(next(clip.pictures()))
    assert grid.shape == (*windows.grid_size_hw, 3)
    assert windows.grid_size_hw[1] > windows.grid_size_hw[0]
