"""Sums by class, not by picture; all figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.errors import ScoringError
from persam_vos.scoring.episodes import (
    EpisodeCounts,
    count_episode,
    mean_of_folds,
    score_fold,
)


def counted(intersection: int, union: int) -> EpisodeCounts:
    return EpisodeCounts((1000 - union, intersection), (1000 - intersection, union), 0, 0, union)


def test_pixels_are_summed_by_class_not_averaged_by_picture():
    score = score_fold([7], [(7, counted(1, 10)), (7, counted(90, 100))])
    assert score.mean_iou == pytest.approx(91 / 110)  # 82.7 %, not 50 %
    assert score.episode_count == 2


def test_the_mean_is_over_classes_and_a_class_without_episodes_counts_0():
    score = score_fold([1, 2, 3], [(1, counted(5, 10)), (2, counted(10, 10))])
    assert score.mean_iou == pytest.approx((0.5 + 1 + 0) / 3)
    assert [one.episode_count for one in score.classes] == [1, 1, 0]


def test_fb_iou_is_the_mean_of_the_sums_of_background_and_foreground():
    # 20 pixels each: foreground 4 of 6 and 3 of 5; background 14 of 16 and 15 of 17.
    episodes = [
        (0, EpisodeCounts((14, 4), (16, 6), 0, 0, 5)),
        (1, EpisodeCounts((15, 3), (17, 5), 0, 0, 4)),
    ]
    score = score_fold([0, 1], episodes)
    assert score.fb_iou == pytest.approx(((14 + 15) / (16 + 17) + (4 + 3) / (6 + 5)) / 2)
    assert score.accuracy == pytest.approx((4 / 5 + 3 / 4) / 2)


def test_an_episode_is_counted_pixel_by_pixel():
    truth, prediction = np.zeros((2, 4, 5), bool)
    truth[:2, :3] = True  # 6
    prediction[1:3, 1:4] = True  # 6, of which 2 are true
    counts = count_episode(prediction, truth)
    assert counts.intersection == (20 - 10, 2)
    assert counts.union == (20 - 2, 10)
    assert counts.truth_px == 6
    assert counts.iou == 0.2


def test_void_pixels_count_in_neither():
    truth, prediction, void = np.zeros((3, 4, 5), bool)
    truth[:2, :3], prediction[1:3, 1:4], void[:, 2] = True, True, True
    counts = count_episode(prediction, truth, void)
    # Without column 2 of 4 pixels: truth 4, prediction 4, common 1, of 16 pixels.
    assert counts.intersection == (16 - 7, 1)
    assert counts.union == (16 - 1, 7)


def test_bands_are_a_fiftieth_of_the_diagonal_deep_and_begin_at_the_border():
    truth, prediction = np.zeros((2, 30, 40), bool)  # a diagonal of 50: one pixel deep
    truth[:10, :10] = True  # its band has 100 - 64 pixels
    prediction[:10, :10], prediction[4, 4] = True, False
    counts = count_episode(prediction, truth)
    assert counts.band_intersection == 36
    assert counts.band_union == 36 + 8  # what lies round the hole


def test_both_conventions_of_boundary_iou():
    episodes = [
        (0, EpisodeCounts((0, 1), (0, 1), 1, 10, 1)),
        (0, EpisodeCounts((0, 1), (0, 1), 90, 100, 1)),
        (1, EpisodeCounts((0, 1), (0, 1), 0, 0, 1)),
    ]
    score = score_fold([0, 1], episodes)
    assert score.boundary_iou == pytest.approx((91 / 110 + 0) / 2)
    assert score.boundary_iou_per_image == pytest.approx((0.1 + 0.9 + 0) / 3)


def test_a_benchmark_is_the_plain_mean_of_its_folds():
    folds = {0: score_fold([0], [(0, counted(1, 2))]),
             1: score_fold([0], [(0, counted(1, 4))] * 9)}  # fmt: skip
    assert mean_of_folds(folds)["mean_iou"] == pytest.approx((0.5 + 0.25) / 2)


def test_empty_masks_have_no_overlap():
    nothing = np.zeros((4, 4), bool)
    counts = count_episode(nothing, nothing)
    assert (counts.iou, counts.band_union, counts.union) == (0, 0, (16, 0))
    with pytest.raises(ScoringError, match="masks to compare"):
        count_episode(nothing, np.zeros((4, 5), bool))
