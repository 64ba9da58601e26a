"""Prompts become labels before tracking, or when tracking gets to what they refine."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine, overlap
from PIL import Image

from persam_vos import MethodSettings, Prompt, TrackRequest
from persam_vos.errors import MediaError
from persam_vos.stages.prompts import box_of
from persam_vos.tracking.plan import TrackPlan, plan_request
from persam_vos.tracking.start import first_masks, make_references


@pytest.fixture(scope="module")
def small(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, settings=MethodSettings(image_size=384, small_side=0))


@pytest.fixture(scope="module")
def clip(
    tmp_path_factory: pytest.TempPathFactory, demo_frames: DemoFrames
) -> Generator[Path, None, None]:
    folder = tmp_path_factory.mktemp("clip")
    for frame in demo_frames.frames[:3]:
        Image.fromarray(frame.image).save(folder / f"{frame.name}.png")
    yield folder


def box_round(demo_frames: DemoFrames, index: int, object_id: int) -> Prompt:
    box = box_of(demo_frames.labels[index] == object_id)
    assert box is not None
    return Prompt(object_id=object_id, box_xyxy=box)


def planned(clip: Path, **asked: object) -> TrackPlan:
    return plan_request(TrackRequest(source=clip, **asked))[0]  # type: ignore[arg-type]


def test_boxes_of_several_frames_become_their_labels(
    small: RememberingEngine, clip: Path, demo_frames: DemoFrames
) -> None:
    boxes = {0: [box_round(demo_frames, 0, 3)], 1: [box_round(demo_frames, 1, 2)]}
    plan = make_references(planned(clip, prompts=boxes), small)
    assert not plan.prompts and sorted(plan.references) == [0, 1]
    for index, object_id in ((0, 3), (1, 2)):
        labels = plan.references[index]
        assert isinstance(labels, np.ndarray)
        assert np.unique(labels).tolist() == [0, object_id]
        assert overlap(labels, demo_frames.labels[index], object_id) > 0.7


def test_masks_and_boxes_of_one_frame_go_together(
    small: RememberingEngine, clip: Path, demo_frames: DemoFrames
) -> None:
    given = np.where(demo_frames.labels[0] == 2, 2, 0).astype(np.uint8)
    plan = planned(clip, masks=given, prompts={0: [box_round(demo_frames, 0, 3)]})
    labels = make_references(plan, small).references[0]
    assert isinstance(labels, np.ndarray)
    np.testing.assert_array_equal(labels == 2, given == 2)
    assert overlap(labels, demo_frames.labels[0], 3) > 0.7
    np.testing.assert_array_equal(first_masks(plan, small).label_map, labels)


def test_a_point_on_a_tracked_object_waits_until_tracking_gets_there(
    small: RememberingEngine, clip: Path, demo_frames: DemoFrames
) -> None:
    given = np.where(demo_frames.labels[0] == 3, 3, 0).astype(np.uint8)
    rows, columns = np.nonzero(demo_frames.labels[2] == 3)
    point = Prompt(object_id=3, points_xy=[(int(np.median(columns)), int(np.median(rows)))])
    plan = make_references(planned(clip, masks=given, prompts={2: [point]}), small)
    assert callable(plan.references[2])
    tracked = list(plan.frames(small))
    assert overlap(tracked[2].label_map, demo_frames.labels[2], 3) > 0.7


def test_a_frame_that_does_not_exist_is_told(
    small: RememberingEngine, clip: Path, demo_frames: DemoFrames
) -> None:
    with pytest.raises(MediaError, match="frame"):
        make_references(planned(clip, prompts={7: [box_round(demo_frames, 0, 3)]}), small)
