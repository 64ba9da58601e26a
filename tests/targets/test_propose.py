from __future__ import annotations

import numpy as np
import torch
from demo_clip import DemoFrames

from persam_vos.scoring.region import region_similarity
from persam_vos.structures import Encoded
from persam_vos.targets.find import TargetFinder


def test_one_of_the_proposals_is_the_object(
    finder: TargetFinder, last: Encoded, demo_frames: DemoFrames
) -> None:
    masks = finder.masks(last, finder.judge(last, 3))
    truth = demo_frames.labels[-1] == 3
    assert max(region_similarity(mask, truth) for mask in masks) > 0.8


def test_proposals_have_something_in_them(finder: TargetFinder, elsewhere: Encoded) -> None:
    judged = finder.judge(elsewhere, 3)
    assert (judged.logits > 0).flatten(1).any(1).all()
    assert np.isfinite(judged.evidence.numpy()).all()
    assert torch.isfinite(judged.logits).all()
