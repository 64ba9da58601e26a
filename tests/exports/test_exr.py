"""OpenEXR files, read back by the OpenEXR library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_run import COUNT, IDS, chart_picture, export, known_labels

from persam_vos.exports.colours import linear_light
from persam_vos.stages.coverage import coverage_of_mask

OpenEXR = pytest.importorskip("OpenEXR")


def channels(path: Path) -> dict[str, Any]:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: np.array(one.pixels) for name, one in file.channels().items()}


def test_layers_have_the_matte_of_each_object(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "exr", tmp_path)
    for index in range(COUNT):
        found = channels(folder / f"shot{index}.exr")
        assert set(found) == {"R", "G", "B", "A", "object_2.A", "object_7.A"}
        for object_id in IDS:
            alpha = coverage_of_mask(known_labels(index) == object_id)
            difference = np.abs(found[f"object_{object_id}.A"].astype(float) * 255 - alpha)
            assert difference.max() < 0.1


def test_linear_light_comes_back_to_the_colours(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "exr:alpha=straight", tmp_path)
    found = channels(folder / "shot1.exr")
    linear = np.dstack([found[name] for name in "RGB"]).astype(float)
    encoded = np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )
    assert np.abs(encoded * 255 - chart_picture(1)).max() < 0.5
    assert found["R"].dtype == np.float16


def test_premultiplied_is_what_exr_expects(image_run: Path, tmp_path: Path) -> None:
    found = channels(export(image_run, "exr:colour=source,layers=rgba", tmp_path) / "shot0.exr")
    alpha = coverage_of_mask(known_labels(0) == 7).astype(float) / 255
    expected = chart_picture(0)[..., 1] / 255 * alpha
    assert np.abs(found["object_7.G"].astype(float) - expected).max() < 0.001


def test_the_curve_is_that_of_srgb() -> None:
    light = linear_light(256)
    assert light[[0, 255]].tolist() == [0, 1]
    assert light[128] == pytest.approx(0.21586, abs=1e-4)
