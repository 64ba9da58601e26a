"""Pieces of masks are cut, and how far they are from the object is measured."""

from __future__ import annotations

import numpy as np
import pytest
from memory_scenes import masks_of

from persam_vos.methods.memory.pieces import cut, reference_gaps, spread
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy, Strategy

BOTH = pytest.mark.parametrize("strategy", [SparseStrategy(), DenseStrategy()])


@BOTH
def test_pieces_have_areas_and_the_shortest_ways_from_the_object(strategy: Strategy) -> None:
    coverage = masks_of([(2, 2, 8, 8), (4, 14, 6, 16), (20, 3, 22, 4)])
    coverage[0, 2, 2] = 0.25
    weights = masks_of([(0, 0, 10, 10)])
    pieces = cut(coverage, weights, strategy)
    at = {
        name: int(pieces.labels[0, y, x])
        for name, y, x in [("m", 5, 5), ("r", 5, 15), ("b", 20, 3)]
    }
    assert int(pieces.main[0]) == at["m"]
    assert [float(pieces.areas[0, at[name]]) for name in "mrb"] == [35.25, 4, 2]
    assert [float(pieces.gaps[0, at[name]]) for name in "mrb"] == [0, 7, 13]
    assert float(spread(pieces.areas, pieces.labels)[0, 4, 14]) == 4
    assert float(pieces.means(coverage)[0, at["m"]]) == pytest.approx(35.25 / 36)


@BOTH
def test_ways_behind_other_objects_are_short(strategy: Strategy) -> None:
    behind = [(8, 2, 12, 8), (8, 18, 12, 22)]
    coverage = masks_of(behind, [(4, 8, 20, 17)])
    weights = masks_of([(0, 0, 24, 8)], [])
    pieces = cut(coverage, weights, strategy)
    assert float(pieces.gaps[0, int(pieces.labels[0, 9, 19])]) == 2
    alone = cut(coverage[:1], weights[:1], strategy)
    assert float(alone.gaps[0, int(alone.labels[0, 9, 19])]) == 11


def test_gaps_of_a_reference_are_those_of_pieces_that_are_not_tiny() -> None:
    masks = masks_of(
        [(2, 2, 8, 8)], [(2, 2, 8, 8), (2, 14, 8, 20)], [(2, 2, 8, 8), (9, 30, 10, 31)]
    )
    gaps = reference_gaps(masks, SparseStrategy())
    np.testing.assert_allclose(gaps, [0, 7 / 72**0.5, 0])
