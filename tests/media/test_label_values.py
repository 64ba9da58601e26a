"""Values and colours as object ids, and the palette of DAVIS."""

from __future__ import annotations

import numpy as np
import pytest
from mask_shapes import blobs, soft

from persam_vos.errors import MaskError
from persam_vos.media.label_values import (
    ids_from_rgb,
    ids_from_transparent,
    labels_from_array,
    levels_of,
)
from persam_vos.scoring.palette import davis_palette

BINARY = blobs(1) * np.uint8(255)


def test_palette_follows_the_rule_of_davis() -> None:
    known = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        3: (128, 128, 0),
        4: (0, 0, 128),
        5: (128, 0, 128),
        6: (0, 128, 128),
        7: (128, 128, 128),
        8: (64, 0, 0),
        9: (192, 0, 0),
        21: (128, 64, 128),
        255: (224, 224, 192),
    }
    palette = davis_palette()
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    assert {i: tuple(palette[i].tolist()) for i in known} == known
    assert len(np.unique(palette, axis=0)) == 256


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (blobs(1).astype(bool), blobs(1)),
        (blobs(1, 7).astype(np.int64), blobs(1, 7)),
        (BINARY, blobs(1)),
        (blobs(5).astype(np.int8), blobs(5)),
    ],
)
def test_arrays_are_understood_as_files_are(array: np.ndarray, expected: np.ndarray) -> None:
    labels = labels_from_array(array)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[0.5, 1.5]]), "floats from 0.5 to 1.5.*mask > 0.5"),
        (np.array([[0.5, np.nan]]), "floats from .*mask > 0.5"),
        (np.array([["a", "b"]]), "values.*mask > 0.5"),
        (np.zeros((4, 4, 3), np.uint16), r"shape \(4, 4, 3\)"),
        (np.zeros((2, 4, 4), np.uint8), r"shape \(2, 4, 4\)"),
        (np.zeros((0, 4), np.uint8), r"shape \(0, 4\)"),
        (blobs(1).astype(np.int32) * 300 - 1, "one of them -1"),
        (np.kron(np.array([[0, 300, 400]]), np.ones((5, 5), int)), "one of them 400"),
        (soft(BINARY).astype(np.int64), "soft edges"),
    ],
)
def test_arrays_that_are_no_labels_are_explained(array: np.ndarray, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        labels_from_array(array)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_levels_are_the_distinct_values_and_where_they_are(dtype: type) -> None:
    values: np.ndarray = np.array([[7, 0, 200], [200, 7, 7]], dtype)
    levels, level_map = levels_of(values)
    assert levels.tolist() == [0, 7, 200]
    np.testing.assert_array_equal(levels[level_map], values)


def test_colours_a_little_off_the_palette_are_taken_for_it() -> None:
    labels = blobs(1, 9)
    np.testing.assert_array_equal(ids_from_rgb(davis_palette()[labels] ^ 1, "mask.png"), labels)


def test_one_colour_on_black_is_one_object() -> None:
    rgb = blobs(1)[..., None] * np.array([10, 200, 30], np.uint8)
    np.testing.assert_array_equal(ids_from_rgb(rgb, "mask.png"), blobs(1))


def test_transparent_pixels_are_background_and_half_transparent_ones_refused() -> None:
    pixels, alpha = blobs(1, 2), np.where(blobs(1, 2) == 2, 0, 255).astype(np.uint8)
    assert set(np.unique(ids_from_transparent(pixels, alpha, "mask.png")).tolist()) == {0, 1}
    soft_alpha = np.where(pixels == 1, 190, alpha).astype(np.uint8)
    with pytest.raises(MaskError, match=r"mask\.png: got soft transparency with 3 levels"):
        ids_from_transparent(pixels, soft_alpha, "mask.png")


@pytest.mark.parametrize("kind", ["black", "photo", "grey photo", "flat colours"])
def test_alpha_is_the_mask_where_what_is_opaque_are_no_labels(kind: str) -> None:
    alpha, warnings = blobs(1) * np.uint8(255), list[str]()
    noise = np.random.default_rng(0).integers(0, 255, (*alpha.shape, 3), np.uint8)
    flat = np.where(np.arange(alpha.shape[1])[None, :, None] % 2, 40, 210).astype(np.uint8)
    pixels = {
        "black": noise * 0,
        "photo": noise,
        "grey photo": noise[..., 0],
        "flat colours": np.where(np.arange(3) == 0, flat, 33).astype(np.uint8)
        * np.ones_like(noise),
    }[kind]
    labels = ids_from_transparent(pixels, alpha, "cut.png", warnings)
    np.testing.assert_array_equal(labels, blobs(1))
    assert warnings == ["cut.png: what is opaque, from alpha 128 on, is taken for the object"]
