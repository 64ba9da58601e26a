"""Colours of more than 8 bits, from a chart of known values to each export that keeps them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from exported_run import BAR_MIDDLES, deep_chart, export, write_deep_video, write_run
from PIL import Image

from persam_vos.exports.colours import light, linear_light, shares, values, video_tags
from persam_vos.media.reader import open_source
from persam_vos.structures import ColourTags

PQ, HLG, SDR = 16, 18, 14
MIDDLES = (10, BAR_MIDDLES)
LEVEL = 1 / 1023
"""A step of 10 bits, a quarter of one of 8."""


@pytest.fixture(scope="module", params=[PQ, HLG, SDR], ids=["PQ", "HLG", "SDR"])
def deep_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run on 10-bit video in BT.2020, and its transfer."""
    base = tmp_path_factory.mktemp("deep")
    source = write_deep_video(base / "clip.mkv", transfer=request.param)
    return write_run(base / "run", source), request.param


def expected() -> np.ndarray:
    _, rgb = deep_chart((0.2627, 0.0593))
    return rgb


def png_pixels(path: Path) -> np.ndarray:
    """Return (H, W, C) as shares of white, by OpenCV."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    assert pixels.dtype == np.uint16
    return np.asarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]] / 65535)


def tags_of(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return [int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace)]


def test_a_png_has_16_bits_and_says_what_they_mean(deep_run: Any, tmp_path: Path) -> None:
    run, transfer = deep_run
    path = export(run, "rgba:background=keep", tmp_path) / "00001.png"
    found = png_pixels(path)
    assert np.abs(found[MIDDLES][:, :3] - expected()).max() < LEVEL / 4
    assert set(np.unique(found[..., 3])) >= {0, 1}
    assert tags_of(path)[:2] == [9, transfer]
    with Image.open(path) as other:
        assert other.size == (71, 49)


def test_prores_has_10_bits_and_the_tags(deep_run: Any, tmp_path: Path) -> None:
    run, transfer = deep_run
    path = export(run, "prores", tmp_path)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    red, blue = 0.2627, 0.0593
    planes = [np.frombuffer(bytes(one), np.uint16) for one in frame.planes[:3]]
    rows = [plane.reshape(frame.height, -1)[MIDDLES] for plane in planes]
    scale = 1 << (frame.format.components[0].bits - 10)
    luma = (rows[0] / scale - 64) / 876
    cb, cr = ((row / scale - 512) / 896 for row in rows[1:])
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    found = np.stack([r, (luma - red * r - blue * b) / (1 - red - blue), b], axis=1)
    assert np.abs(found - expected()).max() < 2 / 255
    assert np.abs(found - expected()).mean() < LEVEL
    assert tags_of(path) == [9, transfer, 9]


def nits(encoded: np.ndarray, transfer: int) -> np.ndarray:
    """Display light of BT.2100 in float64: PQ, or HLG at 1000 cd/m2; sRGB with white at 203."""
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        root = encoded ** (1 / m2)
        return np.asarray(10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))
    if transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - c) / a) + b) / 12)
        luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
        return np.asarray(1000 * scene * luminance[:, None] ** 0.2)
    return 203 * np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("depth", ["half", "float"])
def test_exr_has_the_light_in_the_primaries_of_the_source(
    deep_run: Any, tmp_path: Path, depth: str
) -> None:
    openexr = pytest.importorskip("OpenEXR")
    run, transfer = deep_run
    path = export(run, f"exr:alpha=straight,depth={depth}", tmp_path) / "00002.exr"
    with openexr.File(str(path), separate_channels=True) as file:
        found = np.dstack([np.array(file.channels()[one].pixels) for one in "RGB"])[MIDDLES]
        header = dict(file.header())
    wanted = nits(expected(), transfer) / 203
    # A quarter of a level of 10 bits is 0.4 % of the light of PQ.
    np.testing.assert_allclose(found.astype(float), wanted, rtol=0.008, atol=2e-3)
    np.testing.assert_allclose(header["chromaticities"][:2], (0.708, 0.292), atol=1e-6)
    assert header.get("whiteLuminance") == (None if transfer == SDR else pytest.approx(203))


def test_crops_keep_16_bits_in_pngs(deep_run: Any, tmp_path: Path) -> None:
    run, transfer = deep_run
    folder = export(run, "crops:images=png", tmp_path)
    path = folder / "2" / "00000.png"
    found = png_pixels(path)
    differences = np.abs(found[:, :, None] - expected()).max(axis=3).min(axis=2)
    assert (differences < LEVEL).mean() > 0.5, "most pixels are in the middle of a bar"
    assert tags_of(path)[:2] == [9, transfer]


@pytest.mark.parametrize("name", ["overlay:style=contour", "crops:images=jpg", "webm"])
def test_all_else_shows_8_bits(deep_run: Any, tmp_path: Path, name: str) -> None:
    path = export(deep_run[0], name, tmp_path)
    path = path / "2" / "00000.jpg" if path.is_dir() else path
    assert tags_of(path)[1] in (1, 2)


def test_the_network_sees_8_bits_unless_more_is_asked_for(deep_run: Any) -> None:
    run, _ = deep_run
    frame = next(open_source(run.parent / "clip.mkv").frames())
    assert frame.deep is None
    assert frame.image.dtype == np.uint8


def deep_images(folder: Path, write: Callable[[Path, np.ndarray], None], name: str) -> Path:
    folder.mkdir()
    ramp = np.linspace(0, 65535, 71).astype(np.uint16)[None].repeat(49, axis=0)
    for index in range(6):
        write(folder / f"{index}{name}", np.dstack([ramp, ramp[:, ::-1], ramp // 2]))
    return folder


def test_16_bit_images_come_out_bit_for_bit(tmp_path: Path) -> None:
    def save(path: Path, pixels: np.ndarray) -> None:
        cv2.imwrite(str(path), pixels[..., ::-1])

    run = write_run(tmp_path / "run", deep_images(tmp_path / "shots", save, ".png"))
    path = export(run, "rgba:background=keep", tmp_path) / "3.png"
    first = cv2.imread(str(tmp_path / "shots" / "3.png"), cv2.IMREAD_UNCHANGED)
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert first is not None
    assert found is not None
    np.testing.assert_array_equal(found[..., :3], first)
    assert b"cICP" not in path.read_bytes()


def test_light_of_exr_images_goes_beyond_white_and_back(tmp_path: Path) -> None:
    openexr = pytest.importorskip("OpenEXR")

    def save(path: Path, pixels: np.ndarray) -> None:
        shown = np.ascontiguousarray(pixels.astype(np.float32) / 16384)
        with openexr.File({}, {"RGB": shown}) as file:
            file.write(str(path))

    run = write_run(tmp_path / "run", deep_images(tmp_path / "shots", save, ".exr"))
    path = export(run, "exr:alpha=straight,depth=float", tmp_path) / "1.exr"
    with openexr.File(str(path), separate_channels=True) as file:
        red = np.array(file.channels()["R"].pixels)
    assert red.max() == pytest.approx(65535 / 16384)
    np.testing.assert_allclose(red[0], np.linspace(0, 4, 71), atol=2e-4)


def test_values_of_light_are_srgb() -> None:
    found = values(np.array([[[0, 0.21586, 7]]], np.float32))
    assert found.dtype == np.uint16
    np.testing.assert_allclose(found[0, 0] / 257, [0, 128, 255], atol=0.01)
    eight = np.array([[[0, 128, 255]]], np.uint8)
    assert values(eight) is eight
    np.testing.assert_allclose(shares(eight)[0, 0], [0, 128 / 255, 1], atol=1e-6)


def test_the_curve_is_that_of_srgb() -> None:
    for levels in (256, 65536):
        table = linear_light(levels)
        assert table[[0, -1]].tolist() == [0, 1]
        assert table[levels // 2] == pytest.approx(0.2150, abs=2e-3)
    eight = np.array([[[0, 255, 128]]], np.uint8)
    np.testing.assert_allclose(light(eight, ColourTags())[0, 0], [0, 1, 0.21586], atol=1e-5)


def test_untold_colours_are_tagged_as_bt709() -> None:
    assert video_tags(ColourTags()) == ColourTags(1, 1, 1)
    assert video_tags(ColourTags(9, 18, 9)) == ColourTags(9, 18, 9)
    assert video_tags(ColourTags(12, 13, 0)) == ColourTags(12, 13, 1)
