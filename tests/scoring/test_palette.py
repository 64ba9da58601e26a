"""Colours that stand for ids."""

from __future__ import annotations

import numpy as np

from persam_vos.scoring.palette import davis_palette, ids_of_colours


def test_the_palette_is_that_of_davis() -> None:
    expected = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert davis_palette()[:5].tolist() == expected
    assert len(np.unique(davis_palette(), axis=0)) == 256


def test_every_colour_is_its_id() -> None:
    ids = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = ids_of_colours(davis_palette()[ids])
    assert found is not None
    np.testing.assert_array_equal(found, ids)


def test_another_colour_has_none() -> None:
    assert ids_of_colours(np.array([[[1, 2, 3]]], np.uint8)) is None
