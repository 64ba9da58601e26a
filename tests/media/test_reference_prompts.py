"""The user's boxes and points: what is wrong with them is said before anything is done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from persam_vos import Prompt
from persam_vos.errors import UsageError
from persam_vos.media.reference_prompts import FramePrompts, read_prompts, refuse_unknown

SIZE_HW = (60, 100)
BOX = (10, 20, 30, 50)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "prompt of object 1: got nothing, expected a box or a point"),
        ({"object_id": 0, "box_xyxy": BOX}, "object_id: got object id 0, expected 1 to 255"),
        ({"object_id": 256, "box_xyxy": BOX}, "got object id 256"),
        ({"box_xyxy": (10, 20, 10, 50)}, "box_xyxy: got 10,20,10,50, expected x0 < x1 and y0 < y1"),
        ({"box_xyxy": (30, 20, 10, 50)}, "got 30,20,10,50"),
        ({"box_xyxy": (10, 20, 30)}, "got 10,20,30, expected numbers x0, y0, x1, y1"),
        ({"box_xyxy": (10, 20, 30, float("nan"))}, "got 10,20,30,nan, expected numbers"),
        ({"points_xy": [(1, 2, 3)]}, "points_xy: got 1,2,3, expected numbers x, y"),
        ({"points_xy": [(1, float("inf"))]}, "points_xy: got 1,inf"),
        ({"points_xy": [(1, 2)], "labels": [1, 0]}, "labels: got 1,0 for 1 points"),
        ({"points_xy": [(1, 2)], "labels": [2]}, "labels: got 2 for 1 points"),
        ({"box_xyxy": BOX, "scale": "half"}, "scale: got 'half', expected one of whole, part"),
    ],
)
def test_a_prompt_that_no_picture_could_make_right_is_refused(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Prompt(**fields)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (
            Prompt(box_xyxy=(10, 20, 101, 50)),
            "box of object 1 on frame 7: got 101,50, which is out",
        ),
        (Prompt(box_xyxy=(-1, 20, 50, 50)), "got -1,20, which is outside"),
        (Prompt(box_xyxy=(200, 200, 300, 300)), "got 200,200, which is outside"),
        (Prompt(box_xyxy=(0.1, 0.1, 0.2, 1.1), shares=True), "got 20,66, which is outside"),
        (Prompt(points_xy=[(5, 5), (5, 61)]), "point of object 1 on frame 7: got 5,61"),
        (Prompt(points_xy=[(0.5, -0.1)], shares=True), "got 50,-6, which is outside"),
        (Prompt(box_xyxy=(10, 20, 10.5, 50)), "got 0.5 x 30 pixels, expected at least one pixel"),
    ],
)
def test_what_is_not_in_the_picture_is_refused(prompt: Prompt, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_prompts([prompt], SIZE_HW, 7)


def test_the_edges_of_the_picture_are_in_it() -> None:
    whole = Prompt(box_xyxy=(0, 0, 1, 1), points_xy=[(1, 1)], shares=True)
    (found,) = read_prompts([whole], SIZE_HW, 0).values()
    assert (found.box_xyxy, found.points_xy) == ((0, 0, 100, 60), [(100, 60)])


def test_prompts_of_one_object_are_put_together_and_others_stay_apart() -> None:
    prompts = [
        Prompt(object_id=2, points_xy=[(1, 2)]),
        Prompt(object_id=1, points_xy=[(0.5, 0.5)], shares=True),
        Prompt(object_id=2, points_xy=[(3, 4)], labels=[0], scale="part"),
        Prompt(object_id=2, box_xyxy=BOX),
    ]
    found = read_prompts(prompts, SIZE_HW, 0)
    assert list(found) == [1, 2]
    assert found[1].points_xy == [(50, 30)]
    assert found[2] == Prompt(
        object_id=2, box_xyxy=BOX, points_xy=[(1, 2), (3, 4)], labels=[1, 0], scale="part"
    )


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (Prompt(box_xyxy=BOX), "object 1 on frame 0: got two boxes, expected one"),
        (Prompt(points_xy=[(1, 2)], scale="part"), "got scales whole and part, expected one"),
    ],
)
def test_prompts_that_contradict_each_other_are_refused(second: Prompt, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_prompts([Prompt(box_xyxy=BOX, scale="whole"), second], SIZE_HW, 0)


def test_an_object_that_is_not_known_needs_more_than_what_is_not_part_of_it() -> None:
    negative = {3: Prompt(object_id=3, points_xy=[(1, 2)], labels=[0])}
    with pytest.raises(UsageError, match=r"object 3 on frame 4: got only points .* not known"):
        refuse_unknown(FramePrompts(negative), {1, 2}, 4)
    refuse_unknown(FramePrompts(negative), {1, 3}, 4)
    refuse_unknown(FramePrompts(negative, np.full(SIZE_HW, 3, np.uint8)), (), 4)


def test_points_alone_refine_what_is_known() -> None:
    prompts = read_prompts(
        [Prompt(object_id=1, points_xy=[(1, 2)]), Prompt(object_id=2, box_xyxy=BOX)], SIZE_HW, 0
    )
    rough = np.full(SIZE_HW, 1, np.uint8)
    assert FramePrompts(prompts).refined({1, 2, 3}) == {1}
    assert FramePrompts(prompts, rough).refined({1, 2, 3}) == frozenset()
    assert FramePrompts(prompts, rough * 4).object_ids == {1, 2, 4}
