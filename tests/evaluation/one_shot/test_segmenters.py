"""A method for photos answers, or masks that are there; a missing one is an error, not a shift."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from one_shot_trees import write_png

from persam_vos.errors import ScoringError
from persam_vos.evaluation.one_shot.pictures import ShotPicture
from persam_vos.evaluation.one_shot.segmenters import PhotoSegmenter, StoredMasks


def picture(inside: bool = True) -> ShotPicture:
    mask = np.zeros((6, 8), np.bool_)
    mask[2:4, 2:5] = inside
    return ShotPicture(np.zeros((6, 8, 3), np.uint8), mask)


class Method:
    """Finds the mask of its first reference."""

    def __init__(self) -> None:
        self.learned: list[Any] = []

    def learn(self, references):
        self.learned.append(references)

    def segment(self, _):
        mask = self.learned[-1][0][1] > 0
        return (type("Found", (), {"mask": mask})(),)


def test_supports_without_the_object_teach_nothing():
    method = Method()
    segmenter = PhotoSegmenter(cast(Any, method))
    segmenter.learn([picture(inside=False), picture()])
    assert len(method.learned[0]) == 1
    np.testing.assert_array_equal(segmenter.segment(picture(), "a"), picture().mask)
    segmenter.learn([picture(inside=False)])
    assert len(method.learned) == 1
    assert not segmenter.segment(picture(), "a").any()


def test_masks_are_found_by_the_name_of_their_episode(tmp_path):
    colour = np.zeros((6, 8, 3), np.uint8)
    colour[picture().mask] = (128, 0, 0)  # as the public programs write them
    write_png(tmp_path / "cat/01.png", colour)
    masks = StoredMasks(tmp_path)
    masks.learn([])
    np.testing.assert_array_equal(masks.segment(picture(), "cat/01"), picture().mask)
    with pytest.raises(ScoringError, match=r"cannot read .*cat/02\.png"):
        masks.segment(picture(), "cat/02")


def test_masks_of_another_size_are_told(tmp_path):
    write_png(tmp_path / "a.png", np.zeros((3, 4)))
    with pytest.raises(ScoringError, match=r"got 4 x 3 pixels, expected 8 x 6.*eval_size"):
        StoredMasks(tmp_path).segment(picture(), "a")
