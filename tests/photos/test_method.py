"""Masks of several objects are put together."""

from __future__ import annotations

import numpy as np

from persam_vos.photos.method import PhotoObject, merged_labels


def found(object_id: int, columns: slice, score: float) -> PhotoObject:
    mask = np.zeros((2, 6), np.bool_)
    mask[:, columns] = True
    nothing = np.zeros((1, 1), np.float32)
    return PhotoObject(object_id, mask, score, score, True, nothing, (), None, ())


def test_where_two_masks_meet_the_surer_object_wins() -> None:
    objects = [found(3, slice(0, 4), 0.9), found(5, slice(2, 6), 0.5)]
    assert merged_labels(objects, (2, 6))[0].tolist() == [3, 3, 3, 3, 5, 5]
    assert not merged_labels([], (2, 6)).any()
