"""Spans of frames in which an object is not to be seen."""

from __future__ import annotations

import pytest

from persam_vos.media.visibility import Visibility


@pytest.mark.parametrize("order", [range(1, 9), range(8, 0, -1)], ids=["forwards", "backwards"])
def test_each_object_has_its_spans_whichever_way_frames_come(order: range) -> None:
    visibility = Visibility()
    for index in order:
        visibility.note(index, {1: index not in (2, 3, 7), 4: True, 9: index < 6})
    assert visibility.spans() == {1: [(2, 3), (7, 7)], 9: [(6, 8)]}


def test_both_ways_from_the_start_frame_are_apart() -> None:
    visibility = Visibility()
    for index in (4, 3, 2, 1, 5, 6):
        visibility.note(index, {1: index in (4, 3)})
    assert visibility.spans() == {1: [(1, 2), (5, 6)]}


@pytest.mark.parametrize("order", [(0, 3, 4, 9, 20), (20, 9, 4, 3, 0)])
def test_frames_that_were_left_out_part_no_span(order: tuple[int, ...]) -> None:
    visibility = Visibility()
    for index in order:
        visibility.note(index, {1: index in (0, 20), 2: index != 9})
    assert visibility.spans() == {1: [(3, 9)], 2: [(9, 9)]}
