"""The whole chain on the real network and a few frames of the demo clip."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine, overlap

from persam_vos.config import MethodSettings
from persam_vos.errors import MaskError, MediaError
from persam_vos.runtime.oom_batcher import OomBatcher
from persam_vos.runtime.timer import StageTimer
from persam_vos.structures import Frame, LabelMap, TrackedFrame
from persam_vos.tracking import engine as engine_module
from persam_vos.tracking.engine import Engine
from persam_vos.tracking.propagate import track_frames

GAPS = np.array([0, 200, 7, 1], np.uint8)
"""New names of the objects 1, 2 and 3 of the demo clip."""

QUICK = MethodSettings(method="persam-f", without=frozenset({"refinement"}), fit_steps=20)


@pytest.fixture
def fast(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, settings=QUICK)


def track(
    engine: RememberingEngine, frames: Iterator[Frame], references: dict[int, LabelMap]
) -> list[TrackedFrame]:
    return list(track_frames(frames, references, engine))


@pytest.fixture(scope="module")
def tracked(engine: RememberingEngine, demo_frames: DemoFrames) -> list[TrackedFrame]:
    """Three frames, between which the camera shows nothing for one; ids with gaps."""
    first, second, third, _ = demo_frames.frames
    nothing = replace(first, image=np.full_like(first.image, 127))
    frames = [
        replace(frame, index=index, name=f"{index:05d}")
        for index, frame in enumerate((first, second, nothing, third))
    ]
    return track(engine, iter(frames), {0: GAPS[demo_frames.labels[0]]})


def test_every_frame_comes_out_once_in_order(tracked: list[TrackedFrame]) -> None:
    assert [frame.index for frame in tracked] == [0, 1, 2, 3]
    assert [frame.name for frame in tracked] == ["00000", "00001", "00002", "00003"]


def test_the_first_frame_is_the_given_mask(
    tracked: list[TrackedFrame], demo_frames: DemoFrames
) -> None:
    np.testing.assert_array_equal(tracked[0].label_map, GAPS[demo_frames.labels[0]])
    assert [result.score for result in tracked[0].objects] == [1.0, 1.0, 1.0]


def test_ids_in_are_ids_out_with_their_gaps(tracked: list[TrackedFrame]) -> None:
    for frame in tracked:
        assert set(np.unique(frame.label_map)) <= {0, 1, 7, 200}
        assert [result.object_id for result in frame.objects] == [1, 7, 200]


@pytest.mark.parametrize(("at", "truth"), [(1, 1), (3, 2)], ids=["next frame", "after the gap"])
def test_objects_are_followed_and_vanished_ones_come_back_by_their_id(
    tracked: list[TrackedFrame], demo_frames: DemoFrames, at: int, truth: int
) -> None:
    for old in (1, 2, 3):
        labels = demo_frames.labels[truth]
        assert overlap(tracked[at].label_map, labels, old, as_id=int(GAPS[old])) > 0.8


def test_nothing_is_found_where_nothing_is(tracked: list[TrackedFrame]) -> None:
    assert not tracked[2].label_map.any()
    assert [(r.object_id, r.box_xyxy, r.area_px) for r in tracked[2].objects] == [
        (1, None, 0),
        (7, None, 0),
        (200, None, 0),
    ]


def test_boxes_and_areas_are_those_of_the_label_map(tracked: list[TrackedFrame]) -> None:
    for frame in tracked:
        for result in frame.objects:
            ys, xs = np.nonzero(frame.label_map == result.object_id)
            assert result.area_px == len(ys)
            assert result.visible == bool(len(ys))
            box = (xs.min(), ys.min(), xs.max(), ys.max()) if len(ys) else None
            assert result.box_xyxy == box
            assert 0 <= result.score <= 1


def test_a_mask_for_a_later_frame_adds_an_object(
    fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    one = np.where(demo_frames.labels[0] == 2, 2, 0).astype(np.uint8)
    late = np.where(demo_frames.labels[1] == 3, 30, 0).astype(np.uint8)
    frames = track(fast, iter(demo_frames.frames[:3]), {0: one, 1: late})
    assert [[r.object_id for r in frame.objects] for frame in frames] == [[2], [2, 30], [2, 30]]
    np.testing.assert_array_equal(frames[1].label_map == 30, late == 30)
    assert overlap(frames[2].label_map, demo_frames.labels[2], 3, as_id=30) > 0.5
    assert (frames[1].label_map == 2).any(), "the others stay where they were"


def test_a_mask_for_a_later_frame_corrects_an_object(
    fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    wrong = np.where(demo_frames.labels[0] == 1, 2, 0).astype(np.uint8)
    right = np.where(demo_frames.labels[1] == 2, 2, 0).astype(np.uint8)
    frames = track(fast, iter(demo_frames.frames[:3]), {0: wrong, 1: right})
    np.testing.assert_array_equal(frames[1].label_map, right)
    assert overlap(frames[2].label_map, demo_frames.labels[2], 2) > 0.5


@pytest.mark.parametrize("given", ["nothing", "an empty mask"])
def test_the_first_frame_needs_a_mask(
    fast: RememberingEngine, demo_frames: DemoFrames, given: str
) -> None:
    empty = {} if given == "nothing" else {0: np.zeros_like(demo_frames.labels[0])}
    with pytest.raises(MaskError, match="frame 0: got no mask"):
        track(fast, iter(demo_frames.frames[:1]), empty)


@pytest.fixture(params=[0, 999], ids=["overlapping", "in turn"])
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encode and track at the same time, as with many cores; and in turn, as with few."""
    monkeypatch.setattr(engine_module, "_FEW_THREADS", request.param)


@pytest.mark.usefixtures("order")
def test_a_reader_that_fails_half_way_fails_after_its_good_frames(
    fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    def frames() -> Iterator[Frame]:
        yield from demo_frames.frames[:2]
        raise MediaError("clip.mp4", got="2 frames")

    seen = []
    with pytest.raises(MediaError, match="got 2 frames"):
        for tracked in track_frames(frames(), {0: demo_frames.labels[0]}, fast):
            seen.append(tracked.index)
    assert seen == [0, 1]


def test_encoding_in_batches_changes_no_mask(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    sizes: list[int] = []

    def counted(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        sizes.append(len(images))
        return engine.network.encode_layers(images)

    small = replace(MethodSettings(), image_size=512)
    encoder = replace(engine.encoding, layers=counted)

    def masks(at_once: int) -> list[LabelMap]:
        batching = Engine(
            engine.network,
            engine.compute,
            small,
            encoder=encoder,
            encode_batcher=OomBatcher(at_once),
        )
        frames = iter(demo_frames.frames)
        return [t.label_map for t in track_frames(frames, {0: demo_frames.labels[0]}, batching)]

    alone, together = masks(1), masks(3)
    assert sizes == [1, 1, 1, 1, 3, 1]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.usefixtures("order")
def test_a_failure_of_the_reader_comes_after_the_frames_of_its_unfinished_batch(
    fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    def frames() -> Iterator[Frame]:
        yield demo_frames.frames[0]
        raise MediaError("clip.mp4", got="1 frame")

    tracked = track_frames(
        frames(), {0: demo_frames.labels[0]}, replace(fast, encode_batcher=OomBatcher(3))
    )
    assert next(tracked).index == 0
    with pytest.raises(MediaError, match="got 1 frame"):
        next(tracked)


@pytest.mark.usefixtures("order")
def test_leaving_early_stops_reading_and_every_thread(
    fast: RememberingEngine, demo_frames: DemoFrames
) -> None:
    taken, closed = [], []

    def endless() -> Iterator[Frame]:
        try:
            for index in range(10_000):
                taken.append(index)
                yield replace(demo_frames.frames[index % 2], index=index)
        finally:
            closed.append(True)

    before = threading.active_count()
    frames = track_frames(endless(), {0: demo_frames.labels[0]}, fast)
    assert next(frames).index == 0
    frames.close()
    assert closed == [True]
    assert threading.active_count() == before
    assert len(taken) < 20, "memory does not grow with the length of the video"


def test_each_stage_is_timed(fast: RememberingEngine, demo_frames: DemoFrames) -> None:
    timer = StageTimer()
    list(track_frames(demo_frames.frames[:1], {0: demo_frames.labels[0]}, fast, timer=timer))
    assert set(timer.seconds) == {"read", "encode", "track"}


def test_soft_masks_come_with_the_labels_on_every_frame(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    frames, references = demo_frames.frames[:2], {0: demo_frames.labels[0]}
    plain = list(track_frames(frames, references, engine))
    soft = list(track_frames(frames, references, engine, keep_alpha=True))
    for before, after in zip(plain, soft, strict=True):
        np.testing.assert_array_equal(before.label_map, after.label_map)
        assert not before.alphas
        assert set(after.alphas) == {1, 2, 3}
        for object_id, alpha in after.alphas.items():
            np.testing.assert_array_equal(alpha >= 128, after.label_map == object_id)
    moving = soft[1].alphas.values()
    assert any(((alpha > 0) & (alpha < 255)).any() for alpha in moving)
