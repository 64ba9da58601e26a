from __future__ import annotations

import numpy as np
from demo_clip import DemoFrames, RememberingEngine, overlap

from persam_vos.structures import Encoded
from persam_vos.targets.find import PRESENT, TargetFinder
from persam_vos.targets.target import Target
from persam_vos.tracking.targets import new_finder


def test_objects_are_found_in_another_picture(
    finder: TargetFinder, last: Encoded, demo_frames: DemoFrames
) -> None:
    found = finder(last)
    assert found.object_ids == (2, 3)
    assert min(found.confidence.values()) >= PRESENT
    for object_id in (2, 3):
        assert overlap(found.labels, demo_frames.labels[-1], object_id) > 0.7


def test_what_is_not_there_is_not_found(finder: TargetFinder, elsewhere: Encoded) -> None:
    found = finder(elsewhere)
    assert found.object_ids == ()
    assert not found.labels.any()
    assert found.sure < 0.5


def test_only_wanted_objects_are_looked_for(finder: TargetFinder, last: Encoded) -> None:
    found = finder(last, [3])
    assert set(found.confidence) == {3}
    assert found.object_ids == (3,)


def test_proposals_come_with_evidence_and_masks_of_the_pictures_size(
    finder: TargetFinder, last: Encoded
) -> None:
    judged = finder.judge(last, 2)
    masks = list(finder.masks(last, judged))
    assert len(masks) == len(judged.confidence) == len(judged.evidence)
    assert all(mask.shape == last.frame.size_hw and mask.dtype == np.bool_ for mask in masks)


def test_an_object_that_was_left_out_is_not_looked_for(
    target: Target, engine: RememberingEngine, last: Encoded
) -> None:
    finder = new_finder(target.keep([2]), engine)
    assert finder(last).object_ids == (2,)
