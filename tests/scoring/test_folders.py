import subprocess
import sys

import numpy as np
import pytest

from persam_vos.errors import ScoringError
from persam_vos.scoring import score_folders


@pytest.fixture
def truth(draw):
    """Five frames of two objects; object 2 leaves after the third."""
    both = draw((1, 5, 5, 12), (2, 20, 30, 12))
    return [both, both, both, draw((1, 5, 5, 12)), draw((1, 5, 5, 12))]


@pytest.fixture
def score(tmp_path):
    def run(**options):
        return score_folders(tmp_path / "pred", tmp_path / "gt", **options)

    return run


def test_first_and_last_frame_are_not_scored_and_need_not_be_predicted(write_clip, score, truth):
    write_clip("gt/clip", truth)
    write_clip("pred/clip", [None, *truth[1:-1], None])
    (clip,) = score().sequences
    assert clip.frame_names == ("00001", "00002", "00003")
    assert clip.object_ids == (1, 2)
    assert clip.region.min() == clip.boundary.min() == 1
    assert clip.notes == ()


def test_a_folder_of_label_maps_is_one_clip(write_clip, truth):
    here, below = write_clip("walk", truth), write_clip("pred/walk", truth)
    for predictions in (below, below.parent):
        (clip,) = score_folders(predictions, here).sequences
        assert clip.name == "walk"


def test_clips_come_by_name_or_as_asked(write_clip, score, truth):
    for name in ("b", "a", "c"):
        write_clip(f"gt/{name}", truth)
        write_clip(f"pred/{name}", truth)
    assert [clip.name for clip in score().sequences] == ["a", "b", "c"]
    assert [clip.name for clip in score(sequences=("c", "a")).sequences] == ["c", "a"]
    with pytest.raises(ScoringError, match="no label maps for d"):
        score(sequences=("a", "d"))


def test_workers_change_nothing(write_clip, score, truth):
    for name in ("a", "b"):
        write_clip(f"gt/{name}", truth)
        write_clip(f"pred/{name}", [np.roll(labels, 2, 1) for labels in truth])
    alone, together = score(), score(workers=2)
    for one, other in zip(alone.sequences, together.sequences, strict=True):
        assert one.name == other.name
        assert np.array_equal(one.region, other.region)
        assert np.array_equal(one.boundary, other.boundary)


def test_a_workers_error_names_the_file(write_clip, score, truth, tmp_path):
    for name in ("a", "b"):
        write_clip(f"gt/{name}", truth)
        write_clip(f"pred/{name}", truth)
    (tmp_path / "pred/b/00002.png").write_bytes(b"broken")
    with pytest.raises(ScoringError, match=r"pred/b/00002\.png"):
        score(workers=2)


def test_ids_with_gaps_make_no_phantom_objects(write_clip, score, draw):
    labels = [draw((3, 5, 5, 12), (9, 20, 30, 12))] * 3
    write_clip("gt/clip", labels)
    write_clip("pred/clip", labels)
    assert score().sequences[0].object_ids == (3, 9)
    asked = score(object_ids={"clip": (3, 4, 9)}, allow_missing=True)
    assert asked.sequences[0].region.tolist() == [[1, 1, 1]]  # as the toolkit has it


def test_ids_that_the_first_frame_lacks_are_not_scored_and_noted(write_clip, score, draw):
    first, later = draw((1, 5, 5, 12)), draw((1, 5, 5, 12), (2, 20, 30, 12))
    write_clip("gt/clip", [first, later, later])
    write_clip("pred/clip", [first, first, first])
    (clip,) = score().sequences
    assert clip.object_ids == (1,)
    assert clip.notes == ("object 2 not in the first truth frame: not scored",)


def test_unknown_ids_in_a_prediction_are_refused(write_clip, score, draw):
    labels = draw((1, 5, 5, 12))
    write_clip("gt/clip", [labels] * 4)
    write_clip("pred/clip", [labels, labels, draw((1, 5, 5, 12), (3, 20, 30, 5)), labels])
    with pytest.raises(ScoringError, match=r"00002\.png: got object ids 3, expected only 1"):
        score()


def test_masks_of_0_and_255_have_one_object(write_clip, score, draw):
    write_clip("gt/clip", [draw((255, 5, 5, 12))] * 3, mode="L")
    for mode, object_id in (("L", 255), ("P", 1), ("P", 3)):
        write_clip("pred/clip", [draw((object_id, 5, 5, 12))] * 3, mode=mode)
        (clip,) = score(object_mode="multi").sequences
        assert (clip.object_ids, clip.region.tolist()) == ((1,), [[1.0]])


def test_single_object_mode_merges_all_labels(write_clip, score, draw):
    write_clip("gt/clip", [draw((1, 5, 5, 12), (2, 20, 30, 12))] * 3)
    write_clip("pred/clip", [draw((4, 5, 5, 12), (255, 20, 30, 12))] * 3)
    assert score(object_mode="single").sequences[0].region.tolist() == [[1.0]]


def test_void_label_is_background_unless_named(write_clip, score, draw):
    write_clip("gt/clip", [draw((1, 5, 5, 10), (255, 5, 15, 10))] * 3)
    write_clip("pred/clip", [draw((1, 5, 5, 10), (1, 5, 15, 10))] * 3)
    assert score().region.mean == 0.5
    assert score(void_label=255).region.mean == 1


@pytest.mark.parametrize(
    ("kept", "said", "noted", "mean"),
    [
        ((), "no label maps for 1 of 2 clips (gone)", "clip missing", 0.0),
        ((0, 1, 4), "2 of 3 scored frames missing (00002.png, 00003.png)", "2 of 3 frames", 1 / 3),
    ],
    ids=["clip", "frames"],
)
def test_missing_clips_and_frames_are_errors_or_score_0(
    write_clip, score, truth, kept, said, noted, mean
):
    for name in ("gone", "here"):
        write_clip(f"gt/{name}", truth)
    write_clip("pred/here", truth)
    write_clip("pred/gone", [truth[k] if k in kept else None for k in range(5)])
    with pytest.raises(ScoringError) as caught:
        score()
    assert said in str(caught.value)
    gone = score(allow_missing=True).sequences[0]
    assert gone.region.mean() == gone.boundary.mean() == pytest.approx(mean)
    assert noted in gone.notes[0]


def test_a_missing_object_is_an_error_or_empty(write_clip, score, truth, draw):
    write_clip("gt/clip", truth)
    alone = [draw((1, 5, 5, 12))] * 5
    write_clip("pred/clip", alone)
    with pytest.raises(ScoringError, match="no pixel of object 2 on any frame"):
        score()
    (clip,) = score(allow_missing=True).sequences
    assert clip.region[:, 1].tolist() == [0, 0, 1]  # the last is empty in the truth too
    assert clip.notes == ("object 2 missing in the predictions: taken as empty",)


def test_an_object_lost_after_the_first_frame_is_not_missing(write_clip, score, truth, draw):
    write_clip("gt/clip", truth)
    write_clip("pred/clip", [truth[0], *[draw((1, 5, 5, 12))] * 4])
    assert score().sequences[0].region[:, 1].tolist() == [0, 0, 1]


def test_predicted_clips_without_truth_are_noted(write_clip, score, truth):
    for name in ("gt/a", "pred/a", "pred/b"):
        write_clip(name, truth)
    assert score().notes == ("predicted, but not in the truth: b",)


def test_a_prediction_of_another_size_is_refused_by_name(write_clip, score, draw):
    labels = draw((1, 5, 5, 12))
    write_clip("gt/clip", [labels] * 3)
    write_clip("pred/clip", [labels, labels[:, :-1], labels])
    with pytest.raises(ScoringError, match=r"00001\.png: got 59 x 40 pixels, expected 60 x 40"):
        score()


@pytest.mark.parametrize(
    ("frames", "said"),
    [([], "no truth in"), ([True] * 2, "3 or more"), ([False] * 3, "no object in")],
    ids=["no files", "too short", "no object"],
)
def test_truth_that_cannot_be_scored_against_is_refused(write_clip, score, draw, frames, said):
    write_clip("gt/clip", [draw((1, 5, 5, 12)) if there else draw() for there in frames])
    write_clip("pred/clip", [draw((1, 5, 5, 12))] * 3)
    with pytest.raises(ScoringError, match=said):
        score()


def test_scoring_does_not_load_torch():
    code = "import sys, persam_vos.scoring; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_truth_of_some_frames_alone_is_scored_and_surplus_predictions_are_told(
    write_clip, score, truth
):
    write_clip("gt/clip", [truth[0] * 0, None, truth[0], None, truth[0], truth[3], truth[4]])
    write_clip("pred/clip", [truth[0] * 0, *truth[:3], truth[0], truth[3], truth[4]])
    (clip,) = score().sequences
    assert clip.frame_names == ("00004", "00005")
    assert clip.object_ids == (1, 2)
    assert clip.region.min() == 1
    assert clip.notes == ("1 predicted frames have no truth: not scored",)
