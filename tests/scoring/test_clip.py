"""One clip: which ids and frames count, and what is said of the others."""

from pathlib import Path
from typing import Any

import pytest

from persam_vos.errors import ScoringError
from persam_vos.scoring.clip import ClipTask, score_clip


def task(truth: Path, predicted: Path | None, **options: Any) -> ClipTask:
    given: dict[str, Any] = dict.fromkeys(("object_ids", "void_label"))
    given |= {"single_object": False, "allow_missing": False}
    return ClipTask("clip", predicted, truth, **(given | options))


@pytest.fixture
def truth(write_clip, draw):
    """Four frames of the objects 1 and 7."""
    return write_clip("truth", [draw((1, 5, 5, 12), (7, 20, 30, 12))] * 4)


def test_the_truth_itself_scores_1(truth):
    score = score_clip(task(truth, truth))
    assert (score.name, score.frame_names) == ("clip", ("00001", "00002"))
    assert score.object_ids == (1, 7)
    assert score.region.tolist() == score.boundary.tolist() == [[1, 1], [1, 1]]
    assert score.notes == ()


def test_objects_may_be_named(truth):
    assert score_clip(task(truth, truth, object_ids=(1, 7))).object_ids == (1, 7)
    with pytest.raises(ScoringError, match=r"got object ids 7, expected only 1, the objects"):
        score_clip(task(truth, truth, object_ids=(1,)))


def test_a_clip_without_predictions_is_an_error_or_scores_0(truth):
    with pytest.raises(ScoringError, match="2 of 2 scored frames missing"):
        score_clip(task(truth, None))
    score = score_clip(task(truth, None, allow_missing=True))
    assert score.jf_mean == 0
    assert score.notes == ("clip missing in the predictions: scored 0",)


def test_a_clip_of_two_frames_has_none_to_score(write_clip, draw):
    folder = write_clip("short", [draw((1, 5, 5, 12))] * 2)
    with pytest.raises(ScoringError, match="got 2 label maps, expected 3 or more"):
        score_clip(task(folder, folder))


def test_a_first_frame_without_objects_is_refused(write_clip, draw):
    folder = write_clip("empty", [draw()] * 3)
    with pytest.raises(ScoringError, match=r"got no object in .*00000\.png"):
        score_clip(task(folder, folder))
