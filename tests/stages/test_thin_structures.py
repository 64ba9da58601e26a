"""What is thinner than a cell: lost where masks are cut at one half, given back by its object."""

from __future__ import annotations

import pytest
import torch

from persam_vos.stages.thin_structures import Thinness, measure_thinness, restore_thin

ALL = Thinness(torch.ones(1), torch.ones(1))


def block(inside: float = 1.0, outside: float = 0.0) -> torch.Tensor:
    """Return the coverage of an object as wide as a third of its picture."""
    coverage = torch.full((18, 18), outside)
    coverage[6:12, 6:12] = inside
    return coverage


def line() -> torch.Tensor:
    """Return the block's coverage with a line to the edge that fills a third of each cell."""
    coverage = block()
    coverage[8, 12:] = 0.34
    return coverage


def log_odds(coverage: torch.Tensor) -> torch.Tensor:
    return torch.logit(coverage, 0.01)[None]


def test_a_line_that_fills_a_third_of_its_cells_is_given_back() -> None:
    assert not (log_odds(line())[0, 8, 12:] > 0).any()
    restored = restore_thin(log_odds(line()), ALL)[0]
    assert (restored[8, 12:] > 0).all()
    assert int((restored > 0).sum()) == 36 + 6


def test_a_gap_that_leaves_two_thirds_of_its_cells_is_given_back() -> None:
    coverage = block()
    coverage[6:12, 8] = 0.66
    restored = restore_thin(log_odds(coverage), ALL)[0]
    assert int((restored > 0).sum()) == 36 - 6


def test_what_is_wide_stays_as_it_is() -> None:
    coverage = block(0.98, 0.02)
    coverage[6:12, 12] = 0.4  # an edge
    given = log_odds(coverage)
    torch.testing.assert_close(restore_thin(given, ALL), given, rtol=0, atol=1e-4)


def test_an_object_without_thin_parts_gets_none() -> None:
    given = log_odds(line())
    thinness = measure_thinness(block()[None])
    assert (float(thinness.parts), float(thinness.gaps)) == (0.0, 0.0)
    torch.testing.assert_close(restore_thin(given, thinness), given, rtol=0, atol=1e-4)


def test_thinness_is_measured_of_parts_and_of_gaps() -> None:
    holed = block()
    holed[8, 8] = 0.5
    thinness = measure_thinness(torch.stack([line(), holed]))
    parts = 6 * 0.34 / (36 + 6 * 0.34) / 0.06
    assert float(thinness.parts[0]) == pytest.approx(parts, 1e-3)
    assert thinness.gaps.tolist() == pytest.approx([0, 0.5 / 35.5 / 0.06], 1e-3)


def test_each_object_gets_its_own() -> None:
    both = torch.cat([log_odds(line()), log_odds(line())])
    restored = restore_thin(both, Thinness(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])))
    assert [int((mask > 0).sum()) for mask in restored] == [36, 42]
