"""Draws are those of numpy's old generator, and always come to an end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from persam_vos.datasets.episodes import (
    Draws,
    Pick,
    PixelMask,
    ShapeMask,
    Shot,
    require_choices,
    require_one_shot,
)
from persam_vos.errors import DatasetError, UsageError


def test_the_first_draws_are_the_published_check_value():
    draws = Draws()
    assert [draws.one(range(1, 11)), draws.one(range(1, 11))] == [3, 4]


def test_draws_equal_those_of_the_global_generator_and_leave_it_alone():
    np.random.seed(0)  # noqa: NPY002 - the old generator is what is compared with
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    sequence = [f"{k}.jpg" for k in range(37)]
    draws = Draws()
    ours = [draws.one(sequence) for _ in range(5)]
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], before)  # noqa: NPY002
    for one in ours:
        assert one == np.random.choice(sequence, 1, replace=False)[0]  # noqa: NPY002


def test_others_are_never_the_query_but_may_repeat():
    found = Draws().others([1, 2, 3], 2, 8)
    assert len(found) == 8
    assert set(found) == {1, 3}


def test_a_class_with_one_picture_is_refused():
    with pytest.raises(DatasetError, match="fold 2, class cat: got 1 pictures, expected 2 or more"):
        require_choices(["a", "a"], 2, "fold 2, class cat")


def test_one_shot_is_one_shot():
    require_one_shot(1, "PerSeg")
    with pytest.raises(UsageError, match="shots: got 5, expected 1: PerSeg has one reference"):
        require_one_shot(5, "PerSeg")


def test_the_files_of_a_shot_are_its_picture_and_its_mask():
    image, mask, source = Path("a.jpg"), Path("a.png"), Path("a.pkl")
    assert Shot(image, PixelMask(mask, 1)).files == (image, mask)
    assert Shot(image, ShapeMask((), source)).files == (image,)


def test_picks_are_equal_by_picture_and_instance():
    assert Pick("a", 1) != Pick("a")
