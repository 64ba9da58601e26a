"""References, masks, boxes and points of `segment` are put together."""

from __future__ import annotations

from typing import Any

import pytest
from persam_vos_cli.prompt_options import Shown
from persam_vos_cli.reference_options import ReferenceOptions

from persam_vos.errors import UsageError


def options(**given: Any) -> ReferenceOptions:
    nothing: dict[str, Any] = {"masks": (), "boxes": (), "points": (), "target": None}
    return ReferenceOptions(**{"reference": ("a.jpg", "b.jpg")} | nothing | given)


def box(frame: int | None) -> Shown:
    return Shown(frame, 2, "box", (1.0, 2.0, 30.0, 40.0), shares=False)


def test_masks_are_those_of_the_references_in_order() -> None:
    first, second = options(masks=("a.png", "2=b.png")).references()
    assert (first.image, first.masks) == ("a.jpg", ["a.png"])
    assert (second.image, second.masks) == ("b.jpg", ["2=b.png"])


def test_a_single_reference_may_have_several_masks() -> None:
    (one,) = options(reference=("a.jpg",), masks=("1=a.png", "2=b.png")).references()
    assert one.masks == ["1=a.png", "2=b.png"]


def test_a_box_names_its_reference_where_there_are_several() -> None:
    first, second = options(masks=("a.png",), boxes=(box(2),)).references()
    assert first.prompts == []
    assert second.masks is None
    assert second.prompts[0].box_xyxy == (1, 2, 30, 40)
    (one,) = options(reference=("a.jpg",), boxes=(box(None),)).references()
    assert one.prompts[0].object_id == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"masks": ("a.png",)}, "1 for 2 references"),
        ({"boxes": (box(None),)}, "the number of one of 2"),
        ({"boxes": (box(3),)}, "the number of one of 2"),
        ({"reference": ("a.jpg",)}, "nothing that shows"),
    ],
)
def test_what_does_not_fit_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        options(**given).references()
