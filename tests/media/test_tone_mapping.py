"""High dynamic range: known light comes out as what BT.2390 and BT.709 say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exported_run import BAR_MIDDLES, deep_chart, write_deep_video

from persam_vos.media.reader import open_source
from persam_vos.media.tone_mapping import Transfer, hlg_scene, nits_pq, pq_nits, tone_map


@pytest.mark.parametrize(
    ("nits", "encoded"), [(0.0, 0.0), (100.0, 0.508078), (1000.0, 0.751827), (10_000.0, 1.0)]
)
def test_pq_is_that_of_bt2100(nits: float, encoded: float) -> None:
    assert nits_pq(nits) == pytest.approx(encoded, abs=2e-6)
    assert float(pq_nits(np.array(encoded))) == pytest.approx(nits, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(("encoded", "scene"), [(0.0, 0.0), (0.5, 1 / 12), (1.0, 1.0)])
def test_hlg_is_that_of_bt2100(encoded: float, scene: float) -> None:
    assert float(hlg_scene(np.array(encoded))) == pytest.approx(scene, abs=1e-6)


def grey(encoded: float) -> np.ndarray:
    return np.full((70, 4, 3), round(encoded * 65535), np.uint16)


def test_dark_light_stays_and_the_peak_is_white() -> None:
    assert tone_map(grey(0), "PQ").max() == 0
    assert tone_map(grey(nits_pq(1000)), "PQ").min() == 255
    assert tone_map(grey(1), "HLG").min() == 255
    # Below the knee nothing is rolled off: 50 of 203 cd/m2 by a gamma of 2.4.
    expected = 255 * (50 / 203) ** (1 / 2.4)
    np.testing.assert_allclose(tone_map(grey(nits_pq(50)), "PQ"), expected, atol=1)


@pytest.mark.parametrize("transfer", ["PQ", "HLG"])
def test_more_light_is_brighter(transfer) -> None:
    levels = [int(tone_map(grey(value), transfer)[0, 0, 0]) for value in np.linspace(0, 0.75, 16)]
    assert levels == sorted(levels)
    assert len(set(levels)) > 14


def test_greys_stay_grey() -> None:
    assert np.ptp(tone_map(grey(0.5), "PQ"), axis=2).max() == 0


PRIMARIES_2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
PRIMARIES_709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
D65 = (0.3127, 0.3290)


def to_xyz(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Matrix from RGB to CIE XYZ, derived from chromaticities (SMPTE RP 177)."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    x, y = D65
    return columns * np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y])


def reference(encoded: np.ndarray, transfer: str) -> np.ndarray:
    """What (n, 3) values become, in float64 and straight from the recommendations.

    BT.2100 to light, BT.2390-11 5.4.1 on the brightest channel (1000 to 203 cd/m2, black at 0),
    primaries through XYZ, and the gamma of BT.1886.
    """
    if transfer == "PQ":
        light = pq_light(encoded)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - c) / a) + b) / 12)
        luminance = scene @ to_xyz(PRIMARIES_2020)[1]
        light = 1000 * scene * luminance[:, None] ** 0.2
    brightest = light.max(axis=1, keepdims=True)
    e1 = pq_signal(brightest) / pq_signal(1000)
    most = pq_signal(203) / pq_signal(1000)
    ks = 1.5 * most - 0.5
    t = (np.minimum(e1, 1) - ks) / (1 - ks)
    p = (2 * t**3 - 3 * t**2 + 1) * ks + (t**3 - 2 * t**2 + t) * (1 - ks)
    p += (-2 * t**3 + 3 * t**2) * most
    mapped = pq_light(np.where(e1 < ks, e1, p) * pq_signal(1000))
    shown = light * mapped / np.maximum(brightest, 1e-9) / 203
    linear = shown @ np.linalg.solve(to_xyz(PRIMARIES_709), to_xyz(PRIMARIES_2020)).T
    return np.asarray(255 * np.clip(linear, 0, 1) ** (1 / 2.4))


M1, M2, C1, C2, C3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875


def pq_light(signal: np.ndarray) -> np.ndarray:
    root = signal ** (1 / M2)
    return 10_000 * (np.maximum(root - C1, 0) / (C2 - C3 * root)) ** (1 / M1)


def pq_signal(nits: np.ndarray | float) -> np.ndarray:
    power = (np.asarray(nits, np.float64) / 10_000) ** M1
    return ((C1 + C2 * power) / (1 + C3 * power)) ** M2


@pytest.mark.parametrize("transfer", ["PQ", "HLG"])
def test_colours_are_those_of_the_recommendations(transfer: Transfer) -> None:
    rgb = np.random.default_rng(0).integers(0, 65536, (4000, 3))
    rgb[0] = [round(65535 * nits_pq(nits)) for nits in (150, 40, 40)]
    found = tone_map(rgb[:, None].astype(np.uint16), transfer)[:, 0].astype(float)
    np.testing.assert_allclose(found, reference(rgb / 65535, transfer), atol=1)


def test_red_of_bt2020_is_a_bluish_red_of_bt709() -> None:
    """Equal green and blue of BT.2020 part by 18 levels in BT.709: a hue is kept in XYZ."""
    encoded = pq_signal(np.array([[150, 40, 40]]))
    red, green, blue = reference(encoded, "PQ")[0]
    assert red > 240
    assert blue - green == pytest.approx(18, abs=1)
    found = tone_map(np.rint(encoded[None] * 65535).astype(np.uint16), "PQ")[0, 0]
    np.testing.assert_allclose(found.astype(float), [red, green, blue], atol=1)


@pytest.mark.parametrize(("transfer", "number"), [("PQ", 16), ("HLG", 18)])
def test_videos_of_half_as_much_colour_come_out_so_too(
    tmp_path: Path, transfer: Transfer, number: int
) -> None:
    """Most of what cameras record: 4:2:0 of 10 bits, from file to frame."""
    path = write_deep_video(tmp_path / "clip.mkv", transfer=number)
    frame = next(open_source(path).frames())
    expected = reference(deep_chart((0.2627, 0.0593))[1], transfer)
    np.testing.assert_allclose(frame.image[10, BAR_MIDDLES].astype(float), expected, atol=2)
