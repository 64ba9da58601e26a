import numpy as np
import pytest
from plain_scoring import Mask, blobs, boundary, contour

from persam_vos.errors import ScoringError
from persam_vos.scoring import boundary_f, boundary_radius
from persam_vos.scoring.boundary import boundary_map


@pytest.mark.parametrize(
    ("height", "width", "radius"), [(480, 854, 8), (960, 1708, 16), (1080, 1920, 18), (3, 4, 1)]
)
def test_radius_is_rounded_up_from_the_diagonal(height, width, radius):
    assert boundary_radius(height, width) == radius


@pytest.mark.parametrize("seed", range(6))
def test_contour_is_the_toolkits_at_the_border_too(seed):
    mask = blobs(np.random.default_rng(seed), (23, 31), 2.0)
    assert np.array_equal(boundary_map(mask.view(np.uint8)), contour(mask))


@pytest.mark.parametrize("radius", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("threshold", [0.0, 1.2, -1.2], ids=["half", "sparse", "dense"])
def test_f_is_that_of_a_full_frame_disk(radius, threshold):
    rng = np.random.default_rng(radius)
    for smoothness in (1.0, 4.0):
        truth = blobs(rng, (41, 57), smoothness, threshold)
        prediction = np.roll(truth, rng.integers(-9, 9, 2), (0, 1)) ^ blobs(rng, (41, 57), 2.0, 2)
        expected = boundary(prediction, truth, radius)
        assert boundary_f(prediction, truth, radius_px=radius) == pytest.approx(expected, abs=1e-12)


def _point(y: int, x: int) -> Mask:
    mask = np.zeros((40, 40), bool)
    mask[y, x] = True
    return mask


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        (_point(0, 0)[:, :0:-1] & False, _point(9, 9)[:, 1:] & False, 1.0),
        (_point(5, 5), _point(5, 5) & False, 0.0),
        (_point(5, 5) & False, _point(5, 5), 0.0),
        (~_point(5, 5) | True, _point(5, 5) & False, 1.0),
        (_point(2, 2), _point(35, 35), 0.0),
        (_point(39, 39), _point(39, 39), 1.0),
    ],
    ids=[
        "both empty",
        "nothing there",
        "nothing predicted",
        "full has no contour",
        "far",
        "corner",
    ],
)
def test_masks_without_a_contour_or_a_match(prediction, truth, expected):
    assert boundary_f(prediction, truth) == expected


def test_void_pixels_are_outside_both_masks():
    prediction = np.zeros((40, 40), bool)
    truth = prediction.copy()
    prediction[5:25, 5:30] = truth[5:25, 5:15] = True
    void = np.zeros_like(truth)
    void[:, 15:] = True
    assert boundary_f(prediction, truth) < 1
    assert boundary_f(prediction, truth, void) == 1


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(ScoringError, match="masks to compare"):
        boundary_f(np.zeros((4, 5), bool), np.zeros((5, 4), bool))
