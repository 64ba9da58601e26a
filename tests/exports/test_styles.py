"""Styles of pictures: what each changes, and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from exported_run import SIZE_HW, known_labels

from persam_vos.errors import UsageError
from persam_vos.exports.clip import open_clip
from persam_vos.exports.styles import Painter, Style, Styled, background, blend, with_ids


@pytest.mark.parametrize("style", get_args(Style))
def test_pictures_have_the_size_that_is_announced(style: Style, image_run: Path) -> None:
    clip = open_clip(image_run)
    painter = Painter(clip, style, (0, 177, 64))
    drawn = painter.draw(next(clip.pictures()))
    assert drawn.dtype == np.uint8
    assert drawn.shape == (*painter.size_hw, 3)


@pytest.mark.parametrize("style", ["cutout", "blur", "spotlight"])
def test_objects_stay_as_they_are(style: Style, image_run: Path) -> None:
    clip = open_clip(image_run)
    frame = next(clip.pictures())
    drawn = Painter(clip, style, (0, 177, 64)).draw(frame)
    inside = np.s_[9:13, 7:20]
    np.testing.assert_array_equal(drawn[inside], frame.image[inside])
    outside = np.s_[44:48, 20:60]
    assert (drawn[outside] != frame.image[outside]).any()
    if style == "cutout":
        assert (drawn[outside] == (0, 177, 64)).all()


def test_outlines_leave_the_inside(image_run: Path) -> None:
    clip = open_clip(image_run)
    frame = next(clip.pictures())
    drawn = Painter(clip, "contour", (0, 0, 0)).draw(frame)
    np.testing.assert_array_equal(drawn[10:13, 8:20], frame.image[10:13, 8:20])


def test_side_by_side_begins_with_the_source(image_run: Path) -> None:
    clip = open_clip(image_run)
    frame = next(clip.pictures())
    drawn = Painter(clip, "side-by-side", (0, 0, 0)).draw(frame)
    np.testing.assert_array_equal(drawn[:, : SIZE_HW[1]], frame.image)


def test_ids_are_written_at_the_boxes(image_run: Path) -> None:
    clip = open_clip(image_run)
    frame = list(clip.pictures())[2]
    black = np.zeros((*SIZE_HW, 3), np.uint8)
    drawn = with_ids(black, frame)
    assert (known_labels(2) == 7).sum() == 0
    rows, columns = np.nonzero(drawn.any(axis=2))
    assert rows.max() < 20, "one tag, above object 2"
    assert columns.min() >= 6


@pytest.mark.parametrize(
    ("name", "rgb"), [("white", (255, 255, 255)), ("#0a141e", (10, 20, 30)), ("#f00", (255, 0, 0))]
)
def test_colours_have_names_and_numbers(name: str, rgb: tuple[int, int, int]) -> None:
    assert background(name) == rgb


def test_a_colour_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="#rrggbb"):
        Styled(colour="greenish")


def test_blending_is_by_coverage() -> None:
    image, ground = np.full((1, 3, 3), 200, np.uint8), np.zeros((1, 3, 3), np.uint8)
    mixed = blend(image, ground, np.array([[0, 51, 255]], np.uint8))
    assert mixed[0, :, 0].tolist() == [0, 40, 200]
