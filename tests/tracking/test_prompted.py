"""Masks from boxes, points and rough masks, by the real network at a small size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine, overlap

from persam_vos import MethodSettings, Prompt
from persam_vos.errors import MaskError
from persam_vos.media.reference_prompts import FramePrompts
from persam_vos.stages.prompts import box_of
from persam_vos.structures import Encoded, LabelMap
from persam_vos.tracking.prompted import (
    SCALES,
    Candidate,
    MadeMask,
    Mask,
    make_masks,
    put_together,
)


@pytest.fixture(scope="module")
def small(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, settings=MethodSettings(image_size=512))


@pytest.fixture(scope="module")
def encoded(small: RememberingEngine, demo_frames: DemoFrames) -> Encoded:
    return small.encode(demo_frames.frames[0])


@pytest.fixture(scope="module")
def truth(demo_frames: DemoFrames) -> LabelMap:
    return demo_frames.labels[0]


def box_round(mask: Mask) -> Prompt:
    box = box_of(mask)
    assert box is not None
    return Prompt(box_xyxy=box)


def made(object_id: int, mask: Mask) -> MadeMask:
    one = Candidate("whole", mask, 1.0, 1.0)
    return MadeMask(object_id, mask, one, (one,))


@pytest.mark.parametrize("object_id", [2, 3])
def test_a_box_gives_the_object_in_it(
    small: RememberingEngine, encoded: Encoded, truth: LabelMap, object_id: int
) -> None:
    prompts = FramePrompts({object_id: box_round(truth == object_id)})
    found = make_masks(small, prompts, None, encoded)
    assert overlap(found.label_map, truth, object_id) > 0.8
    (one,) = found.made
    assert one.taken in one.candidates and [each.scale for each in one.candidates] == [*SCALES]
    assert 0 < one.taken.predicted_iou <= 1 and 0 < one.taken.stability <= 1
    assert one.before_iou is None


def test_a_rough_mask_is_snapped_to_the_object(
    small: RememberingEngine, encoded: Encoded, truth: LabelMap
) -> None:
    rows, columns = np.nonzero(truth == 3)
    rough = np.zeros_like(truth)
    rough[rows.min() : rows.max(), columns.min() : columns.max()] = 3
    found = make_masks(small, FramePrompts({}, rough), None, encoded)
    assert overlap(found.label_map, truth, 3) > max(0.8, overlap(rough, truth, 3))
    assert found.made[0].before_iou == pytest.approx(overlap(found.label_map, rough, 3), abs=0.02)


def test_a_point_changes_a_mask_only_round_it(
    small: RememberingEngine, encoded: Encoded, truth: LabelMap
) -> None:
    half = np.where(truth == 3, 3, 0).astype(np.uint8)
    rows, columns = np.nonzero(half)
    middle = int(np.median(columns))
    half[:, middle:] = 0
    y = int(np.median(rows[columns > middle + 5]))
    x = int(np.median(columns[columns > middle + 5]))
    prompts = FramePrompts({3: Prompt(object_id=3, points_xy=[(x, y)])})
    found = make_masks(small, prompts, half, encoded)
    assert overlap(found.label_map, truth, 3) > overlap(half, truth, 3) + 0.2
    assert not (half > found.label_map).any(), "what was there stays"


def test_a_scale_that_is_asked_for_is_taken(
    small: RememberingEngine, encoded: Encoded, truth: LabelMap
) -> None:
    rows, columns = np.nonzero(truth == 2)
    point = Prompt(object_id=2, points_xy=[(int(np.median(columns)), int(np.median(rows)))])
    areas = {}
    for scale in SCALES:
        prompts = FramePrompts({2: replace(point, scale=scale)})
        (one,) = make_masks(small, prompts, None, encoded).made
        assert one.taken.scale == scale
        areas[scale] = int(one.mask.sum())
    assert areas["subpart"] <= areas["whole"]


def test_of_made_masks_that_overlap_the_smaller_wins_and_given_ones_stay() -> None:
    large, little = np.zeros((2, 20, 20), bool)
    large[2:18, 2:18] = little[5:9, 5:9] = True
    labels = put_together([made(2, little), made(1, large)], None, (20, 20))
    np.testing.assert_array_equal(labels == 2, little)
    np.testing.assert_array_equal(labels == 1, large & ~little)
    given = np.zeros((20, 20), np.uint8)
    given[0:6, :] = 7
    beside = put_together([made(1, large)], given, (20, 20))
    np.testing.assert_array_equal(beside == 7, given == 7)
    given[:, :] = 7
    inside = put_together([made(2, little)], given, (20, 20))
    np.testing.assert_array_equal(inside == 2, little)


def test_a_mask_made_anew_replaces_the_one_that_was_given() -> None:
    one = np.zeros((20, 20), bool)
    one[2:5, 2:5] = True
    given = np.full((20, 20), 1, np.uint8)
    np.testing.assert_array_equal(put_together([made(1, one)], given, (20, 20)) == 1, one)


def test_prompts_that_show_nothing_are_refused(
    small: RememberingEngine, encoded: Encoded, truth: LabelMap
) -> None:
    given = np.where(truth == 3, 3, 0).astype(np.uint8)
    given[given > 0] = 0
    given[100, 100] = 3
    prompt = Prompt(object_id=3, points_xy=[(100.5, 100.5)], labels=[0])
    with pytest.raises(MaskError, match="object 3 on frame 0: got no mask that fits"):
        make_masks(small, FramePrompts({3: prompt}), given, encoded)
