"""RGBA files, read back by Pillow: colours of the source unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from exported_run import COUNT, IDS, chart_picture, export, known_labels, read_png

from persam_vos.exports.rgba import with_alpha
from persam_vos.stages.coverage import coverage_of_mask


def test_colours_and_alpha_are_exact(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "rgba:each=yes", tmp_path)
    for object_id in IDS:
        for index in range(COUNT):
            found = read_png(folder / f"{object_id}/shot{index}.png")
            alpha = coverage_of_mask(known_labels(index) == object_id)
            np.testing.assert_array_equal(found[..., 3], alpha)
            np.testing.assert_array_equal(
                found[..., :3], chart_picture(index) * (alpha > 0)[..., None]
            )


def test_the_background_can_be_kept(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "rgba:background=keep", tmp_path)
    np.testing.assert_array_equal(read_png(folder / "shot3.png")[..., :3], chart_picture(3))


def test_premultiplied_colours_are_multiplied_once() -> None:
    image = np.full((1, 3, 3), 200, np.uint8)
    alpha = np.array([[0, 128, 255]], np.uint8)
    pixels = with_alpha(image, alpha, premultiplied=True)
    assert pixels[0, :, 0].tolist() == [0, 100, 200]
    np.testing.assert_array_equal(pixels[..., 3], alpha)
