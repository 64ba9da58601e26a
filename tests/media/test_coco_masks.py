"""Polygons and run lengths as pycocotools has them; what it would crash on is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from persam_vos.media.coco_masks import decode_segmentation

coco_mask = pytest.importorskip("pycocotools.mask")
SIZE_HW = (30, 41)


def random_mask(seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    share = chance.choice([0.02, 0.5, 0.98, 0.0, 1.0])
    return np.asfortranarray(chance.random(SIZE_HW) < share)


@pytest.mark.parametrize("seed", range(12))
def test_run_lengths_come_back(seed: int) -> None:
    mask = random_mask(seed)
    runs = coco_mask.encode(mask.astype(np.uint8))
    for counts in (runs["counts"], runs["counts"].decode()):
        found = decode_segmentation({"size": list(SIZE_HW), "counts": counts}, SIZE_HW)
        np.testing.assert_array_equal(found, mask)
    changes = np.flatnonzero(np.diff(mask.ravel("F"), prepend=False, append=not mask[-1, -1]))
    listed = np.diff(changes, prepend=0).tolist()
    found = decode_segmentation({"size": list(SIZE_HW), "counts": listed}, SIZE_HW)
    np.testing.assert_array_equal(found, mask)


def test_large_runs_come_back() -> None:
    mask = np.zeros((900, 1300), np.uint8, order="F")
    mask[100:800, 200:1200] = 1
    runs = coco_mask.encode(mask)
    found = decode_segmentation({"size": [900, 1300], "counts": runs["counts"]}, (900, 1300))
    np.testing.assert_array_equal(found, mask == 1)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_polygons_are_those_of_pycocotools() -> None:
    polygons = [[3.5, 2, 20, 5, 11.2, 25], [30, 20, 45, 20, 45, 33, 30, 33]]
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, *SIZE_HW)))
    np.testing.assert_array_equal(decode_segmentation(polygons, SIZE_HW), expected == 1)


@pytest.mark.parametrize(
    "segmentation",
    [
        [],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, 6, 7]],
        [[1, 2, 3, 4, 1e30, 6]],
        [[1, 2, 3, 4, float("nan"), 6]],
        [[1, 2, 3, 4, -1e300, 6]],
        {"size": [30, 40], "counts": [1200]},
        {"size": [30, 41], "counts": [1231]},
        {"size": [30, 41], "counts": [-1, 1231]},
        {"size": [30, 41], "counts": [10**30]},
        {"size": [30, 41], "counts": [[1230]]},
        {"size": [30, 41], "counts": "PPPPPPPPPPPPPPPPPPPPPPP"},
        {"size": [30, 41], "counts": "ooooooooooooooooooooooooooooo"},
        {"size": [30, 41], "counts": "\x00\xff"},
    ],
)
def test_what_goes_beyond_the_picture_is_refused(segmentation: Any) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        decode_segmentation(segmentation, SIZE_HW)
