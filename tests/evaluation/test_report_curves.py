"""The curves of a clip: where its points, ticks and marks are."""

from __future__ import annotations

import pytest

from persam_vos.evaluation.report_curves import draw_chart


@pytest.mark.parametrize(("frames", "points"), [(1, 2), (2, 2), (5, 5)])
def test_curves_have_a_point_a_frame_and_stay_inside(frames, points):
    values = [k % 2 for k in range(frames)]
    chart = draw_chart([str(k) for k in range(frames)], values, values, [values], [0])
    spots = [tuple(map(float, spot.split(","))) for spot in chart.region.split()]
    assert len(spots) == points
    assert all(chart.left <= x <= chart.right for x, _ in spots)
    assert all(chart.top <= y <= chart.bottom for _, y in spots)
    assert len(chart.hovers) == frames


def test_each_object_has_a_curve_unless_there_is_but_one():
    frames, one, other = ["a", "b"], [0.2, 0.4], [0.6, 0.8]
    assert draw_chart(frames, one, one, [one], []).objects == ()
    assert len(draw_chart(frames, one, one, [one, other], []).objects) == 2


def test_marks_lie_on_the_curve_of_j():
    region = [0.25, 0.5, 1.0]
    chart = draw_chart(["a", "b", "c"], region, [0.0] * 3, [region], [1, 2])
    spots = [tuple(map(float, spot.split(","))) for spot in chart.region.split()]
    assert [*chart.marks] == spots[1:]
    assert chart.marks[1][1] == chart.top


def test_the_axis_names_first_middle_and_last_frame():
    names = [f"{k:05d}" for k in range(7)]
    chart = draw_chart(names, [0.5] * 7, [0.5] * 7, [[0.5] * 7], [])
    assert [name for _, name in chart.ticks] == ["00000", "00003", "00006"]
    assert chart.hovers[3].text == "frame 00003: J 50.0, F 50.0"
