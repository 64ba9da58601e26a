"""The outlines of the demo clip's things: closed, on their photographs, with an inside."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from persam_vos.demo import outlines
from persam_vos.demo.outlines import parse_outline


def test_points_are_read_as_x_and_y() -> None:
    np.testing.assert_array_equal(parse_outline("1,2 3.5,4\n0,511"), [[1, 2], [3.5, 4], [0, 511]])


@pytest.mark.parametrize(
    ("text", "photograph"),
    [
        (outlines.ASTRONAUT, skimage.data.astronaut),
        (outlines.SHUTTLE, skimage.data.astronaut),
        (outlines.COFFEE, skimage.data.coffee),
    ],
    ids=["astronaut", "shuttle", "coffee"],
)
def test_outlines_lie_on_their_photographs_and_hold_something(text, photograph) -> None:
    points = parse_outline(text)
    height, width = photograph().shape[:2]
    assert points.min() >= 0
    assert (points <= (width - 1, height - 1)).all()
    x, y = points.T
    area_px = abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2  # the shoelace formula
    assert 5_000 < area_px < height * width
