import numpy as np
import pytest

from persam_vos.errors import ScoringError
from persam_vos.scoring import region_similarity

HALF = np.array([[1, 1, 0, 0]] * 3, np.uint8)
SHIFTED = np.array([[0, 1, 1, 0]] * 3, np.uint8)
EMPTY = np.zeros((3, 4), np.uint8)


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        (HALF, HALF, 1.0),
        (HALF, SHIFTED, 1 / 3),
        (EMPTY, EMPTY, 1.0),
        (EMPTY, HALF, 0.0),
        (HALF, EMPTY, 0.0),
        (HALF * 7, HALF.astype(bool), 1.0),
    ],
    ids=["equal", "shifted", "both empty", "nothing predicted", "nothing there", "any label"],
)
def test_region_similarity_is_intersection_over_union(prediction, truth, expected):
    assert region_similarity(prediction, truth) == expected


def test_void_pixels_count_in_neither_mask():
    void = SHIFTED.astype(bool) & ~HALF.astype(bool)
    assert region_similarity(SHIFTED, HALF, void) == 0.5
    assert region_similarity(SHIFTED, HALF, np.ones((3, 4), bool)) == 1.0


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(ScoringError, match=r"got \(3, 4\) and \(4, 3\)"):
        region_similarity(HALF, HALF.T)
