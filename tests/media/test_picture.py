"""One picture: colours by the formulas of BT.601, 709 and 2020, and which way up it is."""

from __future__ import annotations

import av
import numpy as np
import pytest

from persam_vos.media.picture import to_rgb

WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
LIMITED, FULL = 1, 2
COLOURS = [(60, 128, 128), (120, 100, 160), (200, 140, 120), (90, 150, 110), (16, 128, 128)]


def flat(pixel_format: str, values: tuple[int, ...], bits: int) -> av.VideoFrame:
    frame = av.VideoFrame(16, 16, pixel_format)
    for plane, value in zip(frame.planes, values, strict=True):
        kind = np.uint16 if bits > 8 else np.uint8
        count = plane.buffer_size // kind().itemsize
        plane.update(np.full(count, value << bits - 8, kind).tobytes())
    return frame


def by_formula(yuv: tuple[int, int, int], matrix: int, full: bool, bits: int) -> np.ndarray:
    red, blue = WEIGHTS[matrix]
    y, u, v = (value << bits - 8 for value in yuv)
    scale = 1 << bits - 8
    if full:
        peak = (1 << bits) - 1
        luma, cb, cr = y / peak, (u - 128 * scale) / peak, (v - 128 * scale) / peak
    else:
        luma = (y - 16 * scale) / (219 * scale)
        cb, cr = (u - 128 * scale) / (224 * scale), (v - 128 * scale) / (224 * scale)
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    green = (luma - red * r - blue * b) / (1 - red - blue)
    return np.asarray(np.clip(255 * np.array([r, green, b]), 0, 255))


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(
    ("pixel_format", "bits"),
    [
        *[("yuv420p", 8), ("yuv422p", 8), ("yuv444p", 8), ("yuva420p", 8), ("yuv420p10le", 10)],
        *[("yuv422p10le", 10), ("yuv444p12le", 12), ("yuv444p16le", 16), ("yuva444p10le", 10)],
    ],
)
def test_colours_are_right_to_two_of_255(
    pixel_format: str, bits: int, full: bool, matrix: int
) -> None:
    for yuv in COLOURS:
        opaque = (255,) if pixel_format.startswith("yuva") else ()
        frame = flat(pixel_format, (*yuv, *opaque), bits)
        frame.colorspace, frame.color_range = matrix, FULL if full else LIMITED
        np.testing.assert_allclose(to_rgb(frame)[8, 8], by_formula(yuv, matrix, full, bits), atol=2)


@pytest.mark.parametrize(
    ("pixel_format", "bits"), [("gray", 8), ("gray10le", 10), ("gray12le", 12)]
)
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_greys_of_either_range_are_right(pixel_format: str, bits: int, full: bool) -> None:
    for value in (16, 60, 128, 235):
        frame = flat(pixel_format, (value,), bits)
        frame.color_range = FULL if full else LIMITED
        expected = by_formula((value, 128, 128), 1, full, bits)
        np.testing.assert_allclose(to_rgb(frame)[8, 8], expected, atol=2)
