"""Label maps, read back by Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exported_run import COUNT, IDS, export, known_labels, read_png

from persam_vos.media.label_png import read_label_map
from persam_vos.scoring.palette import davis_palette


@pytest.mark.parametrize("kind", ["palette", "grey", "rgb"])
def test_label_maps_are_exact(kind: str, image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, f"labels:kind={kind}", tmp_path)
    assert len(list(folder.glob("*.png"))) == COUNT
    for index in range(COUNT):
        labels = known_labels(index)
        found = read_png(folder / f"shot{index}.png")
        expected = davis_palette()[labels] if kind == "rgb" else labels
        np.testing.assert_array_equal(found, expected)
        if kind != "rgb":
            np.testing.assert_array_equal(read_label_map(folder / f"shot{index}.png"), labels)


def test_ids_beyond_255_fit_in_16_bits(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "labels:kind=16bit,offset=1000", tmp_path)
    found = read_png(folder / "shot0.png")
    labels = known_labels(0).astype(int)
    np.testing.assert_array_equal(found, np.where(labels > 0, labels + 1000, 0))


def test_each_object_has_its_masks(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "masks", tmp_path)
    for object_id in IDS:
        for index in range(COUNT):
            found = read_png(folder / f"{object_id}/shot{index}.png")
            np.testing.assert_array_equal(found, 255 * (known_labels(index) == object_id))
