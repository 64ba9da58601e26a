import numpy as np
import pytest
from plain_scoring import blobs, boundary, radius_of, region

from persam_vos.errors import ScoringError
from persam_vos.scoring import score_frame


@pytest.mark.parametrize("size_hw", [(48, 64), (61, 37), (75, 100)])
def test_every_object_scores_as_if_it_were_alone(size_hw):
    rng = np.random.default_rng(7)
    truth = np.zeros(size_hw, np.uint8)
    for object_id in (1, 4, 200):
        truth[blobs(rng, size_hw, 5.0, 0.5)] = object_id
    prediction = np.roll(truth, (2, -3), (0, 1))
    region_scores, boundary_scores = score_frame(prediction, truth, (1, 4, 9, 200))
    for k, object_id in enumerate((1, 4, 9, 200)):
        masks = prediction == object_id, truth == object_id
        assert region_scores[k] == pytest.approx(region(*masks), abs=1e-12)
        expected = boundary(*masks, radius_of(*size_hw))
        assert boundary_scores[k] == pytest.approx(expected, abs=1e-12)


def test_absent_objects(draw):
    truth, prediction = draw((1, 5, 5, 10)), draw((2, 5, 5, 10))
    region_scores, boundary_scores = score_frame(prediction, truth, (1, 2, 3))
    assert region_scores.tolist() == boundary_scores.tolist() == [0, 0, 1]


def test_no_objects_give_no_scores(draw):
    region_scores, boundary_scores = score_frame(draw(), draw(), ())
    assert region_scores.shape == boundary_scores.shape == (0,)


def test_void_pixels_belong_to_no_object(draw):
    truth = draw((1, 5, 5, 10), (255, 5, 15, 10))
    prediction = draw((1, 5, 5, 10), (1, 5, 15, 10))
    assert score_frame(prediction, truth, (1,), void=truth == 255)[0] == 1
    assert score_frame(prediction, truth, (1,))[0] == 0.5


@pytest.mark.parametrize(
    ("prediction", "said"),
    [
        (np.zeros((4, 6), np.uint8), "prediction of 6 x 4"),
        (np.zeros((4, 5), np.int64), "int64"),
        (np.zeros((4, 5, 3), np.uint8), r"uint8 \(4, 5, 3\)"),
    ],
)
def test_arrays_that_are_no_label_maps_of_one_size_are_refused(prediction, said):
    with pytest.raises(ScoringError, match=said):
        score_frame(prediction, np.zeros((4, 5), np.uint8), (1,))
