"""The drawn outlines: closed shapes of a size, on their photographs."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.demo.outlines import parse_outline
from persam_vos.demo.render import DEMO_ACTORS, load_photo


def test_pairs_are_points() -> None:
    np.testing.assert_array_equal(parse_outline("1,2 3.5,4\n-1,0"), [[1, 2], [3.5, 4], [-1, 0]])


@pytest.mark.parametrize("number", DEMO_ACTORS)
def test_an_outline_lies_on_its_photograph(number: int) -> None:
    actor = DEMO_ACTORS[number]
    points = parse_outline(actor.outline)
    height, width = load_photo(actor.photo).shape[:2]
    assert points.min() >= 0
    assert (points.max(axis=0) <= (width - 1, height - 1)).all()
    x, y = points.T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert area > 0.02 * height * width
