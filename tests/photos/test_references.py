"""References are checked before anything is learned."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.errors import UsageError
from persam_vos.photos.references import checked_references

IMAGE = np.zeros((4, 6, 3), np.uint8)


def test_pairs_become_references() -> None:
    (one,) = checked_references([(IMAGE, np.ones((4, 6), np.uint8))])
    assert one.image is IMAGE
    assert one.labels.shape == (4, 6)


@pytest.mark.parametrize(
    ("labels", "said"),
    [(np.ones((3, 6), np.uint8), "6 x 3"), (np.zeros((4, 6), np.uint8), "no obj")],
)
def test_masks_that_do_not_fit_are_refused(labels: np.ndarray, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        checked_references([(IMAGE, labels)])
    with pytest.raises(UsageError, match="none"):
        checked_references([])
