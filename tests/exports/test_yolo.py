"""YOLO data sets, read as Ultralytics reads them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import yaml
from exported_run import COUNT, SIZE_HW, export, iou, known_labels


def test_data_yaml_names_folders_that_are_there(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, 'yolo-seg:category=a "dog": {id}', tmp_path)
    facts = yaml.safe_load((folder / "data.yaml").read_text())
    assert facts["names"] == {0: 'a "dog": 2', 1: 'a "dog": 7'}
    assert "path" not in facts  # so that the folder can be moved
    assert len(list((folder / facts["train"]).glob("*.jpg"))) == COUNT


def test_polygons_draw_the_masks(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "yolo-seg:category={id},images=none", tmp_path)
    height, width = SIZE_HW
    for index in range(COUNT):
        labels = known_labels(index)
        labels[14:20, 10 + index : 16 + index] = 2  # the format has no holes
        rows = (folder / f"labels/train/shot{index}.txt").read_text().splitlines()
        for row in rows:
            kind, *shares = row.split()
            points = np.array(shares, float).reshape(-1, 2) * [width, height]
            drawn = cv2.fillPoly(np.zeros(SIZE_HW, np.uint8), [points.astype(np.int32)], 1)
            assert iou(drawn > 0, labels == (2, 7)[int(kind)]) > 0.9


def test_tracks_have_score_and_id_behind_the_boxes(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "yolo-track", tmp_path)
    boxes = (folder / "labels/train/shot0.txt").read_text().splitlines()
    tracks = (folder / "tracks/shot0.txt").read_text().splitlines()
    assert [len(row.split()) for row in boxes] == [5, 5]
    assert [row.split()[5:] for row in tracks] == [["0.9000", "2"], ["0.9000", "7"]]
    _, x, y, across, down = map(float, boxes[0].split())
    height, width = SIZE_HW
    found = [(x - across / 2) * width, (y - down / 2) * height, across * width, down * height]
    np.testing.assert_allclose(found, [5, 8, 20, 32], atol=0.001)
