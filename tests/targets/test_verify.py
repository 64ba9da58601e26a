from __future__ import annotations

import torch
from demo_clip import DemoFrames

from persam_vos.scoring.region import region_similarity
from persam_vos.structures import Encoded
from persam_vos.targets.appearance import ObjectCells, compare
from persam_vos.targets.describe import in_picture
from persam_vos.targets.features import cell_features
from persam_vos.targets.find import TargetFinder
from persam_vos.targets.propose import Proposals
from persam_vos.targets.target import Target
from persam_vos.targets.verify import EVIDENCE, WEIGHTS, Judged, verify


def judged(target: Target, encoded: Encoded, logits: torch.Tensor) -> Judged:
    """Verify (K, 4h, 4w) masks of the target's second object, whose predicted IoU is 1."""
    cells = cell_features(encoded)
    inside = in_picture(cells.shape[:2], encoded).flatten()
    wanted = ObjectCells.of(target, 1, torch.device("cpu"))
    likeness = compare(cells.flatten(0, 1), wanted, inside)
    proposed = Proposals(logits, torch.ones(len(logits)))
    return verify(cells.flatten(0, 1), inside, wanted, likeness, proposed)


def test_the_surest_mask_is_the_object(
    finder: TargetFinder, last: Encoded, demo_frames: DemoFrames
) -> None:
    found = finder.judge(last, 3)
    best = int(found.confidence.argmax())
    (mask,) = finder.masks(last, found, slice(best, best + 1))
    assert region_similarity(mask, demo_frames.labels[-1] == 3) > 0.7


def test_a_mask_beside_the_object_is_not_believed(target: Target, last: Encoded) -> None:
    height, width = last.features.shape[-2:]
    corner = torch.full((1, 4 * height, 4 * width), -5.0)
    corner[:, :20, :20] = 5
    found = judged(target, last, corner)
    assert float(found.confidence[0]) < 0.1
    assert found.evidence.shape == (1, len(EVIDENCE))
    assert len(WEIGHTS) == len(EVIDENCE) + 1


def test_a_mask_in_the_padding_alone_is_left_out(target: Target, last: Encoded) -> None:
    height, width = last.features.shape[-2:]
    logits = torch.full((2, 4 * height, 4 * width), -5.0)
    logits[0, -1] = 5  # 90 x 160 leave a part of the last row of cells to the padding
    logits[1, :20, :20] = 5
    inside = in_picture((2 * height, 2 * width), last)
    found = judged(target, last, logits)
    assert len(found.confidence) == 1 + int(inside[-1].any())


def test_no_mask_has_no_confidence(target: Target, last: Encoded) -> None:
    height, width = last.features.shape[-2:]
    found = judged(target, last, torch.zeros(0, 4 * height, 4 * width))
    assert found.confidence.shape == (0,)
