"""What files are called where."""

from __future__ import annotations

import pytest

from persam_vos.dreambooth.layout_names import LAYOUTS, Layout, pair_names


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("plain", ("a{1}.b.png",)),
        ("kohya", ("images/a{1}.b.png", "masks/a{1}.b.png")),
        ("onetrainer", ("images/a{1}.b.png", "images/a{1}.b-masklabel.png")),
        ("alpha", ("images/a{1}.b.png",)),
    ],
)
def test_names_are_those_of_photos(layout: Layout, expected: tuple[str, ...]) -> None:
    assert layout in LAYOUTS
    assert pair_names(layout, "a{1}.b") == expected
