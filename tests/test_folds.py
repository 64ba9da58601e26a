"""Clips in folds: each in one, in folds of one size, and never apart from what it shows."""

from __future__ import annotations

import pytest

from benchmarks.folds import SOURCES, folds

NAMES = [f"clip-{number}" for number in range(17)]


def test_each_clip_is_in_one_fold_and_folds_have_about_one_size() -> None:
    dealt = folds(NAMES)
    assert sorted(name for fold in dealt for name in fold) == sorted(NAMES)
    assert sorted(len(fold) for fold in dealt) == [3, 3, 3, 4, 4]


def test_the_seed_alone_decides() -> None:
    assert folds(NAMES) == folds(NAMES[::-1])
    assert folds(NAMES) != folds(NAMES, seed=1)


def test_a_composite_stands_with_what_it_shows() -> None:
    sources = {"two": ("clip-3", "clip-8"), "more": ("clip-8", "clip-11", "elsewhere")}
    for seed in range(20):
        dealt = folds([*NAMES, *sources], seed=seed, sources=sources)
        assert any({"two", "more", "clip-3", "clip-8", "clip-11"} <= set(fold) for fold in dealt)
        assert sum(map(len, dealt)) == 19


def test_composites_that_share_what_is_not_a_clip_here_stand_together() -> None:
    dealt = folds([*NAMES, "a", "b"], sources={"a": ("elsewhere",), "b": ("elsewhere",)})
    assert any({"a", "b"} <= set(fold) for fold in dealt)


def test_too_few_groups_are_refused() -> None:
    name, shown = next(iter(SOURCES.items()))
    with pytest.raises(ValueError, match="1 groups of clips for 5 folds"):
        folds([name, *shown])
