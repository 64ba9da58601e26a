"""Long clips: what they show and when, and how the numbers of their frames are summed up."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from benchmarks import drift
from benchmarks.drift import (
    PARTS,
    RENDERED,
    PeakMemory,
    by_part,
    chosen_clips,
    return_summary,
    run_swing,
)
from benchmarks.drift_clips import (
    AFTER,
    BEFORE,
    GONE,
    OBJECT,
    RATE,
    SIZES,
    Swing,
    return_clips,
)
from benchmarks.rendered import RenderedClip, paint
from persam_vos.runtime.device import resolve_compute

RETURNS = {clip.name: clip for clip in return_clips()}
BACK = BEFORE + GONE


def swing(*, pictures: int = 4, frame_count: int = 14) -> Swing:
    """A swing whose k-th picture is all k, and whose labels show k + 1 pixels."""
    images = tuple(np.full((2, 5, 3), k, np.uint8) for k in range(pictures))
    labels = tuple((np.arange(10).reshape(2, 5) <= k).astype(np.uint8) for k in range(pictures))
    return Swing("made", images, labels, frame_count)


def object_area(name: str, index: int) -> int:
    return int((RETURNS[name].draw(index)[1] == OBJECT).sum())


def centre(name: str, index: int) -> np.ndarray:
    """Where the object is: its mean y and x."""
    return np.asarray(np.argwhere(RETURNS[name].draw(index)[1] == OBJECT).mean(axis=0))


def test_a_swing_runs_forwards_and_backwards_without_a_jump():
    shown = list(swing().order())
    assert shown == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]
    assert all(abs(a - b) == 1 for a, b in pairwise(shown))


@pytest.mark.parametrize("frame_count", [6, 7, 12, 13, 14])
def test_returns_are_the_frames_that_show_the_first_picture_again(frame_count):
    long = swing(frame_count=frame_count)
    shown = list(long.order())
    assert len(shown) == frame_count
    assert long.returns() == [k for k, place in enumerate(shown) if k and place == 0]


def test_pictures_and_labels_of_a_swing_go_together():
    long = swing()
    frames, labels = list(long.frames()), list(long.true_labels())
    assert [frame.index for frame in frames] == list(range(long.frame_count))
    assert [int(frame.image[0, 0, 0]) + 1 for frame in frames] == [int(m.sum()) for m in labels]
    assert frames[RATE // 2].time_seconds == 0.5


def test_a_swing_takes_the_seconds_asked_for():
    (clip,), _ = chosen_clips(["turn-tin"], None)
    cut = RenderedClip(clip.name, 3, clip.draw) if isinstance(clip, RenderedClip) else clip
    long = Swing.of(cut, 30)
    assert (long.name, len(long.pictures), len(long.labels)) == ("turn-tin", 3, 3)
    assert long.frame_count == 720


def test_sixths_leave_out_the_given_frame():
    scores = np.repeat([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], 10)
    scores[0] = 0.0
    assert by_part(scores) == [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
    assert len(by_part(np.ones(61))) == PARTS


def test_each_frame_of_a_swing_is_scored_once(monkeypatch):
    """A tracker that shows the first mask for ever is right at returns, and less so elsewhere."""

    def first_for_ever(frames: Any, truths: Any, _: Any, *, timer: Any = None) -> Any:
        masks = list(truths)
        with timer.measure("track"):
            for frame, truth in zip(frames, masks, strict=True):
                yield SimpleNamespace(index=frame.index, label_map=masks[0]), truth

    monkeypatch.setattr(drift, "track_beside", first_for_ever)
    engine: Any = SimpleNamespace(compute=resolve_compute("cpu"))
    found = run_swing(swing(pictures=3, frame_count=12), engine)
    assert found["frames"] == 12
    assert found["J_at_returns"] == [1.0, 1.0]
    # pictures 0 1 2 1 0 1 2 1 0 1 2 1, of which the first does not count
    assert found["J_by_sixth"] == [0.5, 0.4167, 0.75, 0.4167, 0.75, 0.4167]


def test_peaks_are_noted_by_half_minute(monkeypatch):
    peaks = iter([50, 70, 60, 75])
    monkeypatch.setattr(drift, "peak_memory_bytes", lambda _: next(peaks))
    monkeypatch.setattr(drift, "forget_peak_memory", lambda _: None)
    memory = PeakMemory(resolve_compute("cpu"))
    for seen in range(1, 60 * RATE + 1):
        memory.see(seen)
    assert memory.facts() == {"peak_memory_bytes_by_half_minute": [50, 70]}
    for seen in range(60 * RATE + 1, 120 * RATE + 20):
        memory.see(seen)
    assert memory.facts()["growth_after_first_minute_bytes"] == 75 - 70


@pytest.mark.parametrize("name", ["return-coffee-0.6", "return-motorcycle-1.6"])
def test_the_object_is_gone_for_200_frames_in_a_row(name):
    assert RETURNS[name].frame_count == BEFORE + 200 + AFTER
    looked_at = [0, 12, BEFORE - 1, *range(BEFORE, BACK, 40), BACK - 1, BACK, BACK + AFTER - 1]
    seen = {index: object_area(name, index) > 0 for index in looked_at}
    assert seen == {index: index < BEFORE or index >= BACK for index in looked_at}


def test_labels_are_empty_in_exactly_200_frames():
    clip = RETURNS["return-coffee-1"]
    _, body = cast(Any, clip.draw).keywords["layers"]
    shown = [paint(index, [body])[1].any() for index in range(clip.frame_count)]
    assert shown == [True] * 24 + [False] * 200 + [True] * AFTER


@pytest.mark.parametrize("body", ["coffee", "motorcycle"])
@pytest.mark.parametrize("size", SIZES)
def test_the_object_comes_back_whole_elsewhere_and_at_its_size(body, size):
    name = f"return-{body}-{size:g}"
    areas = [object_area(name, index) for index in (0, BACK, BACK + AFTER - 1)]
    assert np.sqrt(areas[1] / areas[0]) == pytest.approx(size, rel=0.02)
    assert areas[2] == pytest.approx(areas[1], rel=0.02)
    assert np.linalg.norm(centre(name, BACK) - centre(name, BEFORE - 1)) > 200


def test_the_ground_pans_while_the_object_is_gone():
    clip = RETURNS["return-coffee-1"]
    images = [clip.draw(index)[0].astype(int) for index in (BEFORE, BEFORE + 1, BACK - 1)]
    assert np.abs(images[0] - images[1]).mean() > 5
    # 3.3 pixels a frame to the left: 10 frames later what was at x stands at x - 33
    later = clip.draw(BEFORE + 10)[0].astype(int)
    assert np.abs(images[0][:, 33:] - later[:, :-33]).mean() < 5
    assert images[2].min(axis=2).max() > 0
    assert (images[2].sum(axis=2) == 0).mean() < 0.01  # no black rim: the ground is wide enough


@pytest.mark.parametrize(
    ("back", "found_in_frame", "then"),
    [
        ([0.9, 0.8, 0.7, 0.8], 1, 0.8),
        ([0.0, 0.5, 0.6, 1.0], 3, 0.8),
        ([0.0, 0.1, 0.2, 0.5], None, None),
    ],
)
def test_a_return_is_found_where_j_is_above_a_half(back, found_in_frame, then):
    ious = [0.0] + [0.9] * (BEFORE - 1) + [1.0] * GONE + back
    drawn = [True] * BEFORE + [False] * (GONE - 7) + [True] * 7 + [True] * 4
    assert return_summary(ious, drawn) == {
        "J_before": 0.9,
        "false_frames": 7,
        "gone_frames": 200,
        "found_in_frame": found_in_frame,
        "J_from_then": then,
    }


def test_names_choose_clips():
    swinging, returning = chosen_clips([], None)
    assert {clip.name for clip in swinging} == {*RENDERED}
    assert [clip.name for clip in returning] == list(RETURNS)
    swinging, returning = chosen_clips(["lines-kite", "return-coffee-1.6"], None)
    assert [clip.name for clip in (*swinging, *returning)] == ["lines-kite", "return-coffee-1.6"]
