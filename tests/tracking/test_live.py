"""Frame by frame: the masks of whole clips, and objects that are added, corrected and removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine, overlap

from persam_vos import MethodSettings, Tracker
from persam_vos.errors import MaskError
from persam_vos.structures import LabelMap, TrackedFrame
from persam_vos.tracking.propagate import track_frames

QUICK = MethodSettings(method="persam-f", without=frozenset({"refinement"}), fit_steps=20)


@pytest.fixture(params=["memory", "persam-f"])
def fast(engine: RememberingEngine, request: pytest.FixtureRequest) -> RememberingEngine:
    return engine if request.param == "memory" else replace(engine, settings=QUICK)


def only(labels: LabelMap, *object_ids: int) -> LabelMap:
    return np.where(np.isin(labels, object_ids), labels, 0).astype(np.uint8)


def ids(tracked: TrackedFrame) -> list[int]:
    return [result.object_id for result in tracked.objects]


def test_live_pictures_get_the_masks_of_the_clip(
    fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    first, later = only(demo_frames.labels[0], 2), {3: demo_frames.labels[2] == 3}
    tracker = Tracker(fast)
    live = [tracker.start(demo_frames.frames[0].image, first)]
    live.append(tracker.step(demo_frames.frames[1].image))
    live.append(tracker.step(demo_frames.frames[2].image, later))
    live.append(tracker.step(demo_frames.frames[3].image))
    references = {0: first, 2: only(demo_frames.labels[2], 3)}
    clip = list(track_frames(demo_frames.frames, references, fast))
    assert [ids(tracked) for tracked in live] == [[2], [2], [2, 3], [2, 3]]
    assert [tracked.index for tracked in live] == [0, 1, 2, 3]
    for one, other in zip(live, clip, strict=True):
        np.testing.assert_array_equal(one.label_map, other.label_map)


def test_objects_come_get_better_and_go_and_keep_their_ids(
    fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    truth = demo_frames.labels
    tracker = Tracker(fast)
    tracker.start(demo_frames.frames[0].image, only(truth[0], 2))
    tracker.step(demo_frames.frames[1].image)
    added = tracker.add({30: truth[1] == 3})
    assert (added.index, ids(added)) == (1, [2, 30])
    np.testing.assert_array_equal(added.label_map == 30, truth[1] == 3)
    assert overlap(added.label_map, truth[1], 2) > 0.7, "the other object is where it was"
    corrected = tracker.correct({2: truth[1] == 2})
    assert (corrected.index, ids(corrected)) == (1, [2, 30])
    np.testing.assert_array_equal(corrected.label_map == 2, truth[1] == 2)
    both = tracker.step(demo_frames.frames[2].image)
    assert ids(both) == [2, 30]
    assert overlap(both.label_map, truth[2], 3, as_id=30) > 0.7
    left = tracker.remove(2)
    assert (left.index, ids(left), np.unique(left.label_map).tolist()) == (2, [30], [0, 30])
    last = tracker.step(demo_frames.frames[3].image)
    assert (last.index, ids(last)) == (3, [30])
    assert overlap(last.label_map, truth[3], 3, as_id=30) > 0.7
    again = tracker.add({2: truth[3] == 1})
    assert ids(again) == [2, 30], "an id that was left is free"


def test_what_cannot_be_done_is_explained_and_changes_nothing(
    fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    image, labels = demo_frames.frames[0].image, demo_frames.labels[0]
    tracker = Tracker(fast)
    too_early: tuple[Callable[[], TrackedFrame], ...] = (
        lambda: tracker.step(image),
        lambda: tracker.add(labels),
        lambda: tracker.correct(labels),
        lambda: tracker.remove(2),
    )
    for ask in too_early:
        with pytest.raises(RuntimeError, match=r"before Tracker\.start"):
            ask()
    tracker.start(image, only(labels, 2))
    with pytest.raises(MaskError, match="object 2, which is tracked already"):
        tracker.add(labels)
    with pytest.raises(MaskError, match="object 1: got an object that is not tracked"):
        tracker.correct(labels)
    with pytest.raises(MaskError, match=r"object 3: .*expected one of 2; add it first"):
        tracker.remove(3)
    with pytest.raises(MaskError, match="object 2: got the only one"):
        tracker.remove(2)
    with pytest.raises(ValueError, match=r"got \(240, 427\), expected \(480, 854\)"):
        tracker.step(image[::2, ::2])
    with pytest.raises(MaskError, match="no foreground"):
        tracker.step(image, np.zeros_like(labels))
    second = tracker.step(demo_frames.frames[1].image)
    assert (second.index, ids(second)) == (1, [2]), "what was refused is no frame"


def test_a_tracker_can_start_again(fast: RememberingEngine, demo_frames: DemoFrames) -> None:
    tracker = Tracker(fast)
    tracker.start(demo_frames.frames[0].image, demo_frames.labels[0])
    other = np.where(demo_frames.labels[1] == 2, 77, 0).astype(np.uint8)
    again = tracker.start(demo_frames.frames[1].image, other)
    assert (again.index, ids(again)) == (0, [77])
