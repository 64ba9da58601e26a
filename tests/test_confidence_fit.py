"""The line from confidence to J: found again in made scores, and held out where it says so."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.confidence_fit import Line, Scored, _scored, fit, held_out, summary

TRUE = Line(0.8, 0.5)


def made(seed: int, *, line: Line = TRUE, count: int = 400, noise: float = 0.02) -> Scored:
    """Confidences whose J is what a line expects, but for noise; a tenth has no mask."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.3, 0.99, count)
    shown = random.random(count) > 0.1
    region = (line(confidence) + random.normal(0, noise, count)).clip(0, 1)
    return Scored(confidence, np.where(shown, region, 1.0), shown)


def test_a_line_is_found_again_in_what_was_drawn() -> None:
    line = fit(made(0))
    assert line.offset == pytest.approx(TRUE.offset, abs=0.02)
    assert line.slope == pytest.approx(TRUE.slope, abs=0.02)


def test_confidences_of_0_and_1_do_not_break_the_fit() -> None:
    ends = Scored(np.array([0.0, 1.0]), np.array([0.5, 0.9]), np.array([True, True]))
    line = fit(Scored.joined([made(0), ends]))
    assert 0 < line.slope < 1


def test_confidences_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="says nothing"):
        fit(made(0, line=Line(0.8, -0.5)))


def test_a_line_keeps_0_and_1_and_multiplies_odds() -> None:
    line = Line(np.log(3), 0.5)
    got = line(np.array([0.0, 0.2, 0.5, 0.8, 1.0]))  # odds of 1 / 4, 1 and 4
    np.testing.assert_allclose(got, [0, 3 / 5, 3 / 4, 6 / 7, 1])


def test_half_way_is_between_the_confidence_and_the_line() -> None:
    confidence = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(TRUE.toward(0)(confidence), confidence)
    assert TRUE.toward(0.5) == Line(0.4, 0.75)
    assert TRUE.toward(1) == TRUE


def test_what_is_held_out_was_not_fitted_to() -> None:
    other = Line(-1.0, 0.5)
    clips = {"a": made(1), "b": made(2), "odd": made(3, line=other)}
    parts = [["a"], ["b"], ["odd"]]
    out = held_out(clips, parts)
    line = fit(Scored.joined([clips["a"], clips["b"]]))
    assert line.offset == pytest.approx(TRUE.offset, abs=0.05)
    assert len(out.region) == 1200
    np.testing.assert_allclose(out.confidence[800:], line(clips["odd"].confidence))
    np.testing.assert_array_equal(out.region[800:], clips["odd"].region)
    kept = held_out(clips, parts, share=0)
    np.testing.assert_allclose(kept.confidence[800:], clips["odd"].confidence)


def test_a_line_takes_the_error_away_and_keeps_the_ranks() -> None:
    clip = made(0)
    clip.region[:20] = 0.1
    before = summary(clip)
    after = summary(Scored(fit(clip)(clip.confidence), clip.region, clip.shown))
    assert after["calibration_error_drawn"] < 0.5 * before["calibration_error_drawn"]
    assert after["auroc"] == before["auroc"]
    assert after["drawn"] == int(clip.shown.sum()) < after["frames"]


def test_what_is_kept_is_not_tracked_again(tmp_path: Path) -> None:
    kept = {"clip": {"conf": [[0.5, 1.0]], "region": [[0.25, 1.0]], "shown": [[True, False]]}}
    (tmp_path / "some.json").write_text(json.dumps(kept))
    (found,) = _scored("some", Namespace(scores=tmp_path)).values()
    assert found.confidence.tolist() == [0.5, 1.0]
    assert found.region.tolist() == [0.25, 1.0]
    assert found.shown.tolist() == [True, False]
    assert found.shown.dtype == bool
