"""High dynamic range: known light comes out as what BT.2390 and BT.709 say."""

from __future__ import annotations

import numpy as np
import pytest

from persam_vos.media.tone_mapping import hlg_scene, nits_pq, pq_nits, tone_map


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


def test_greys_stay_grey_and_colours_keep_their_hue() -> None:
    assert np.ptp(tone_map(grey(0.5), "PQ"), axis=2).max() == 0
    rgb = np.zeros((1, 1, 3), np.uint16)
    rgb[0, 0] = [round(65535 * nits_pq(nits)) for nits in (150, 40, 40)]
    red, green, blue = (int(value) for value in tone_map(rgb, "PQ")[0, 0])
    assert red > 150 > green
    assert abs(green - blue) < 25
