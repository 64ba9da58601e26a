"""Clips in folds: what is chosen on some of them is held against the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

FOLDS, SEED = 5, 0
SOURCES = {
    "bear-motorbike": ("bear", "motorbike"),
    "elephant-rollerblade-soccerball": ("elephant", "rollerblade", "soccerball"),
    "quad": ("hockey", "horsejump-low", "scooter-gray", "tennis"),
}
"""The clips that composites are made of; tennis is one of `davis16-new`."""


def folds(
    names: Sequence[str],
    *,
    count: int = FOLDS,
    seed: int = SEED,
    sources: Mapping[str, Sequence[str]] = SOURCES,
) -> list[list[str]]:
    """Deal clips into ``count`` folds of about one size, at random.

    A composite stands in one fold with the clips that it shows, so that nothing which is held out
    was seen. ``sources`` has the clips of each composite. Raises ValueError for fewer groups of
    clips than folds.
    """
    groups = _together(names, sources)
    if len(groups) < count:
        raise ValueError(f"{len(groups)} groups of clips for {count} folds")
    np.random.default_rng(seed).shuffle(groups)
    dealt: list[list[str]] = [[] for _ in range(count)]
    for group in sorted(groups, key=len, reverse=True):  # equal ones stay shuffled
        min(dealt, key=len).extend(group)
    return [sorted(fold) for fold in dealt]


def _together(names: Sequence[str], sources: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Group clips that share a source, in a fixed order."""
    groups: list[list[str]] = []
    for name in sorted(names):
        shows = {name, *sources.get(name, ())}
        linked = [g for g in groups if any(shows & {one, *sources.get(one, ())} for one in g)]
        groups = [g for g in groups if g not in linked] + [[*chain.from_iterable(linked), name]]
    return groups
