"""Label Studio's tasks: boxes as it interpolates them, masks as its brush stores them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_run import COUNT, SIZE_HW, export, known_box, known_labels

from persam_vos.media.brush_rle import decode_brush


def interpolated(sequence: list[dict[str, Any]], frame: int) -> list[float] | None:
    """Return the box at a frame, from 1, in pixels: straight lines from key frame to key frame."""
    height, width = SIZE_HW
    scale = np.array([width, height, width, height]) / 100
    for one, after in zip(sequence, [*sequence[1:], None], strict=True):
        first = np.array([one[key] for key in ("x", "y", "width", "height")]) * scale
        if one["frame"] == frame:
            return list(first)
        if after and one["enabled"] and one["frame"] < frame < after["frame"]:
            last = np.array([after[key] for key in ("x", "y", "width", "height")]) * scale
            share = (frame - one["frame"]) / (after["frame"] - one["frame"])
            return list(first + share * (last - first))
    return None


@pytest.mark.parametrize("tolerance", [0.5, 0])
def test_boxes_between_key_frames_are_near_enough(
    tolerance: float, image_run: Path, tmp_path: Path
) -> None:
    path = export(image_run, f"label-studio:tolerance={tolerance}", tmp_path)
    (task,) = json.loads(path.read_text())
    assert task["data"]["video"].endswith("shots")
    regions = task["predictions"][0]["result"]
    assert [one["id"] for one in regions] == ["object_2", "object_7"]
    for region in regions:
        object_id = int(region["id"][7:])
        assert region["value"]["framesCount"] == COUNT
        for index in range(COUNT):
            found = interpolated(region["value"]["sequence"], index + 1)
            expected = known_box(index, object_id)
            if expected is None:
                assert found is None
            else:
                assert found is not None
                x0, y0, across, down = np.array(found) - expected
                assert max(abs(x0), abs(y0), abs(x0 + across), abs(y0 + down)) <= tolerance + 1e-6


def test_brush_masks_are_exact(image_run: Path, tmp_path: Path) -> None:
    tasks = json.loads(export(image_run, "label-studio:kind=images", tmp_path).read_text())
    assert len(tasks) == COUNT
    for index, task in enumerate(tasks):
        for region in task["predictions"][0]["result"]:
            mask = decode_brush(region["value"]["rle"], SIZE_HW)
            np.testing.assert_array_equal(mask, known_labels(index) == int(region["id"][7:]))
            assert region["score"] == pytest.approx(0.9 - 0.05 * index)
