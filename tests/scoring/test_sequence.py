import numpy as np
import pytest

from persam_vos.errors import ScoringError
from persam_vos.scoring import SequenceScore, SplitScore, score_sequence, statistics


@pytest.mark.parametrize(
    ("count", "first", "last"),
    [
        (1, slice(0, 1), slice(0, 1)),
        (2, slice(0, 1), slice(1, 2)),
        (3, slice(0, 2), slice(2, 3)),
        (41, slice(0, 11), slice(30, 41)),
        (67, slice(0, 18), slice(50, 67)),
        (1001, slice(0, 251), slice(750, 1001)),
    ],
)
def test_decay_is_the_first_quarter_minus_the_last_with_shared_borders(count, first, last):
    values = np.random.default_rng(count).random(count)
    expected = values[first].mean() - values[last].mean()
    assert statistics(values).decay == pytest.approx(expected, abs=1e-12)


def test_recall_counts_frames_above_a_half_and_not_at_it():
    assert statistics(np.array([0.5, 0.51, 0.2, 0.9])).recall == 0.5


@pytest.mark.parametrize("shape", [(0,), (2, 2)])
def test_statistics_need_frames(shape):
    with pytest.raises(ScoringError, match="one value per frame"):
        statistics(np.zeros(shape))


def test_sequence_scores_every_object_on_every_pair(draw):
    truth = draw((1, 5, 5, 10), (7, 20, 20, 10))
    pairs = [(truth, truth), (draw((1, 5, 5, 10)), truth), (draw(), draw())]
    score = score_sequence(iter(pairs), (1, 7), name="clip", frame_names=["a", "b", "c"])
    assert score.region.tolist() == score.boundary.tolist() == [[1, 1], [1, 0], [1, 1]]
    assert score.frame_names == ("a", "b", "c")
    assert [s.mean for s in score.region_statistics] == pytest.approx([1, 2 / 3])
    assert score.jf_mean == pytest.approx(5 / 6)


def test_void_label_is_background_unless_named(draw):
    truth = draw((1, 5, 5, 10), (255, 5, 15, 10))
    pairs = [(draw((1, 5, 5, 10), (1, 5, 15, 10)), truth)]
    assert score_sequence(pairs, (1,)).region[0, 0] == 0.5
    assert score_sequence(pairs, (1,), void_label=255).region[0, 0] == 1


@pytest.mark.parametrize(("pairs", "ids"), [([], (1,)), ("one", ())], ids=["frames", "objects"])
def test_nothing_to_score_is_an_error(pairs, ids, draw):
    with pytest.raises(ScoringError, match="neither of them 0"):
        score_sequence([(draw(), draw())] if pairs else [], ids)


def test_every_object_of_a_split_weighs_the_same():
    def clip(name: str, values: list[float]) -> SequenceScore:
        scores = np.array([values])
        return SequenceScore(name, ("0",), tuple(range(1, len(values) + 1)), scores, scores / 2)

    split = SplitScore((clip("one", [0.9]), clip("three", [0.3, 0.6, 0.6])))
    assert split.region.mean == pytest.approx(0.6)
    assert split.region.recall == pytest.approx(0.75)
    assert split.jf_mean == pytest.approx(0.45)


def test_a_split_needs_a_clip():
    with pytest.raises(ScoringError, match="one clip or more"):
        SplitScore(())
