import numpy as np
import pytest
from plain_scoring import Mask, blobs, region
from scipy import ndimage

from persam_vos.errors import ScoringError
from persam_vos.scoring import boundary_iou, score_photos


def _band(mask: Mask, depth: int) -> Mask:
    eroded = ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=depth, border_value=0)
    return np.asarray(mask & ~eroded)


@pytest.mark.parametrize(("size_hw", "depth"), [((60, 80), 2), ((300, 400), 10), ((10, 12), 1)])
def test_boundary_iou_compares_inner_bands(size_hw, depth):
    rng = np.random.default_rng(3)
    truth = blobs(rng, size_hw, size_hw[0] / 8)
    prediction = np.roll(truth, 2, 1)
    expected = region(_band(prediction, depth), _band(truth, depth))
    assert boundary_iou(prediction, truth) == pytest.approx(expected, abs=1e-12)


def test_empty_masks(draw):
    assert boundary_iou(draw(), draw()) == 1
    assert boundary_iou(draw((1, 5, 5, 9)), draw()) == 0


def test_photos_weigh_the_same(draw):
    truth = draw((1, 5, 5, 10))
    score = score_photos([(truth, truth), (draw(), truth)])
    assert (score.mean_iou, score.mean_boundary_iou, score.photo_count) == (0.5, 0.5, 2)


def test_no_photos_are_an_error():
    with pytest.raises(ScoringError, match="photos to score"):
        score_photos([])
