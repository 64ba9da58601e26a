"""Both ways through a clip: every frame on the way once, masks where they are met."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine, overlap

from persam_vos.config import MethodSettings
from persam_vos.errors import MaskError, MediaError
from persam_vos.structures import Frame, LabelMap, SourceInfo, TrackedFrame
from persam_vos.tracking.plan import TrackPlan, masks_by_frame

QUICK = MethodSettings(method="persam-f", without=frozenset({"refinement"}), fit_steps=20)
ONE = np.ones((4, 6), np.uint8)


class Pictures:
    """A source of frames that are there, whatever it says their number is."""

    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    def __init__(self, frames: tuple[Frame, ...], stated: int | None) -> None:
        self._frames = frames
        size_hw = frames[0].size_hw
        self.info = SourceInfo("clip.mkv", "video", size_hw, stated, Fraction(24))

    def index_of(self, name: str) -> int | None:
        return next((one.index for one in self._frames if one.name == name), None)

    def names_of(self, number: int) -> dict[int, str]:
        return {one.index: one.name for one in self._frames if int(one.name) == number}

    def index_at(self, seconds: float) -> int:
        return sum(one.time_seconds < seconds for one in self._frames)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        if start >= len(self._frames):
            raise MediaError("clip.mkv", got=f"{len(self._frames)} frames")
        yield from self._frames[start:]

    def frames_reversed(self, until: int) -> Generator[Frame, None, None]:
        yield from reversed(self._frames[: until + 1])

    def __iter__(self) -> Generator[Frame, None, None]:
        return self.frames()


@pytest.fixture
def fast(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, settings=QUICK)


@pytest.fixture
def clip(demo_frames: DemoFrames) -> Pictures:
    return Pictures(demo_frames.frames, 4)


def plain(count: int, stated: int | None) -> Pictures:
    image = np.zeros((4, 6, 3), np.uint8)
    return Pictures(tuple(Frame(i, f"{i:05d}", image, i / 24) for i in range(count)), stated)


def by_index(frames: list[TrackedFrame]) -> dict[int, TrackedFrame]:
    return {frame.index: frame for frame in frames}


def test_a_clip_is_tracked_from_its_middle_both_ways(
    clip: Pictures, fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    frames = list(TrackPlan(clip, {2: demo_frames.labels[2]}, 2).frames(fast))
    assert [frame.index for frame in frames] == [2, 1, 0, 3]
    for frame in frames:
        assert [result.object_id for result in frame.objects] == [1, 2, 3]
        for object_id in (1, 2, 3):
            assert overlap(frame.label_map, demo_frames.labels[frame.index], object_id) > 0.7
    np.testing.assert_array_equal(frames[0].label_map, demo_frames.labels[2])


WAYS = {
    ("both", 0): [0, 1, 2, 3],
    ("both", 3): [3, 2, 1, 0],
    ("forward", 2): [2, 3],
    ("backward", 2): [2, 1, 0],
    ("backward", 0): [0],
}


@pytest.mark.parametrize(("direction", "start"), WAYS)
def test_each_frame_on_the_way_comes_once(
    clip: Pictures, fast: RememberingEngine, demo_frames: DemoFrames, direction, start
) -> None:
    plan = TrackPlan(clip, {start: demo_frames.labels[start]}, start, direction)
    indices = [frame.index for frame in plan.frames(fast)]
    assert indices == WAYS[direction, start]
    assert plan.frame_count == len(indices)


def test_the_number_of_frames_is_unknown_where_the_source_does_not_tell() -> None:
    source = plain(4, None)
    assert TrackPlan(source, {1: ONE}, 1).frame_count is None
    assert TrackPlan(source, {1: ONE}, 1, "forward").frame_count is None
    assert TrackPlan(source, {1: ONE}, 1, "backward").frame_count == 2


def only(labels: LabelMap, object_id: int, *, as_id: int) -> LabelMap:
    return np.where(labels == object_id, as_id, 0).astype(np.uint8)


def test_masks_before_and_after_the_start_add_and_correct_objects_from_there_on(
    clip: Pictures, fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    truth = demo_frames.labels
    references = {
        2: only(truth[2], 2, as_id=2),
        1: only(truth[1], 3, as_id=30),
        3: only(truth[3], 1, as_id=2),
    }
    frames = by_index(list(TrackPlan(clip, references, 2).frames(fast)))
    ids = {index: [r.object_id for r in frame.objects] for index, frame in frames.items()}
    assert ids == {2: [2], 1: [2, 30], 0: [2, 30], 3: [2]}
    assert overlap(frames[0].label_map, truth[0], 3, as_id=30) > 0.5
    assert overlap(frames[0].label_map, truth[0], 2) > 0.5
    np.testing.assert_array_equal(frames[3].label_map, references[3])


@pytest.mark.parametrize("stated", [None, 9], ids=["unknown", "too many"])
def test_a_mask_beyond_the_end_is_told_after_the_last_frame_where_that_is_not_known_before(
    fast: RememberingEngine, demo_frames: DemoFrames, stated: int | None
) -> None:
    source = Pictures(demo_frames.frames, stated)
    references = {2: demo_frames.labels[2], 8: demo_frames.labels[3]}
    seen = []
    with pytest.raises(MediaError, match=r"clip\.mkv, frame 8: got 4 frames, expected .* 0 to 3"):
        for frame in TrackPlan(source, references, 2).frames(fast):
            seen.append(frame.index)
    assert seen == [2, 1, 0, 3]


def test_a_mask_beyond_the_end_is_told_at_once_where_that_is_known() -> None:
    with pytest.raises(MediaError, match="got 4 frames"):
        TrackPlan(plain(4, 4), {0: ONE, 4: ONE}, 0)


def test_a_frame_that_is_there_counts_though_the_video_states_fewer() -> None:
    assert TrackPlan(plain(6, 4), {0: ONE, 5: ONE}, 0).frame_count == 4


@pytest.mark.parametrize(
    ("frames", "start", "direction", "expected"),
    [
        ((2, 0), 2, "forward", r"frame 0: .*expected 2 or later, from start frame 2"),
        ((1, 3), 1, "backward", r"frame 3: .*expected 0 to 1, from start frame 1"),
        ((-1,), -1, "both", r"frame -1: .*expected 0 or later"),
        ((0, -2), 0, "both", r"frame -2: "),
    ],
)
def test_masks_that_are_not_on_the_way_are_refused(frames, start, direction, expected) -> None:
    with pytest.raises(MaskError, match=expected):
        TrackPlan(plain(4, 4), dict.fromkeys(frames, ONE), start, direction)


@pytest.mark.parametrize(
    ("first", "start", "later", "expected"),
    [
        ("a.png", None, None, (0, {0: "a.png"})),
        ("a.png", 4, {2: "b.png", 9: "c.png"}, (4, {4: "a.png", 2: "b.png", 9: "c.png"})),
        (None, None, {9: "c.png", 4: "b.png"}, (4, {4: "b.png", 9: "c.png"})),
        (None, 9, {9: "c.png", 4: "b.png"}, (9, {4: "b.png", 9: "c.png"})),
    ],
)
def test_the_start_is_where_the_first_mask_is(first, start, later, expected) -> None:
    assert masks_by_frame(first, start, later) == expected


@pytest.mark.parametrize(
    ("first", "start", "later", "message"),
    [
        ("a.png", None, {0: "b.png"}, "masks of frame 0: got two"),
        ("a.png", 4, {4: "b.png"}, "masks of frame 4: got two.*; leave one out"),
        (None, None, None, "masks: got none, expected a mask of the first frame"),
        (None, 3, {5: "b.png"}, "got masks of frames 5, expected one of frame 3"),
    ],
)
def test_a_start_without_a_mask_or_with_two_is_refused(first, start, later, message) -> None:
    with pytest.raises(MaskError, match=message):
        masks_by_frame(first, start, later)
