"""LabelMe files, read back as LabelMe reads them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from exported_run import COUNT, SIZE_HW, export, known_labels
from PIL import Image


def test_masks_groups_and_scores_come_back(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "labelme", tmp_path)
    for index in range(COUNT):
        facts = json.loads((folder / f"shot{index}.json").read_text())
        assert (facts["imageHeight"], facts["imageWidth"]) == SIZE_HW
        with Image.open(folder / facts["imagePath"]) as picture:
            assert picture.size == SIZE_HW[::-1]
        found = np.zeros(SIZE_HW, np.uint8)
        for shape in facts["shapes"]:
            (x0, y0), (x1, y1) = shape["points"]
            mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(shape["mask"]))))
            found[y0 : y1 + 1, x0 : x1 + 1][mask.astype(bool)] = shape["group_id"]
            assert shape["score"] == pytest.approx(0.9 - 0.05 * index)
        np.testing.assert_array_equal(found, known_labels(index))
