"""COCO JSON as other tools write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from persam_vos.errors import MaskError, UsageError
from persam_vos.imports import coco
from persam_vos.imports.coco import read_coco

pytest.importorskip("pycocotools")
SQUARE = [[2, 2, 8, 2, 8, 8, 2, 8]]


def write(path: Path, annotations: list[dict[str, Any]], **facts: Any) -> Path:
    images = [{"id": i, "file_name": f"a/{i}.jpg", "height": 10, "width": 20} for i in (1, 2)]
    whole = {"categories": [{"id": 1, "name": "dog"}], "images": images}
    path.write_text(json.dumps({**whole, "annotations": annotations, **facts}))
    return path


def one(image_id: int, segmentation: Any, **facts: Any) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": 1, "segmentation": segmentation, **facts}


def test_polygons_and_run_lengths_are_masks(tmp_path: Path) -> None:
    runs = {"size": [10, 20], "counts": [22, 6, 172]}
    path = write(tmp_path / "a.json", [one(1, SQUARE), one(2, runs), one(2, [])])
    found = read_coco(path)
    assert [(s.name, s.frame, s.object_id) for s in found.shapes] == [
        ("1", None, None),
        ("2", None, None),
    ]
    assert found.boxes == 1
    labels = np.zeros((10, 20), np.uint8)
    found.shapes[0].draw(labels, 1)
    assert labels.sum() == 36
    labels[:] = 0
    found.shapes[1].draw(labels, 1)
    assert labels[2:8, 2].all()
    assert labels.sum() == 6


def test_ids_are_found_where_tools_put_them(tmp_path: Path) -> None:
    given = [one(1, SQUARE, attributes={"track_id": 4}), one(2, SQUARE, instance_id=6)]
    found = read_coco(write(tmp_path / "a.json", given))
    assert [s.object_id for s in found.shapes] == [4, 6]


def test_one_of_several_videos_is_chosen(tmp_path: Path) -> None:
    videos = [
        {"id": 1, "file_names": ["x/0.jpg"], "height": 10, "width": 20},
        {"id": 2, "file_names": ["y/0.jpg"], "height": 10, "width": 20},
    ]
    runs = {"size": [10, 20], "counts": [22, 6, 172]}
    given = [{"id": i, "video_id": i, "category_id": 1, "segmentations": [runs]} for i in (1, 2)]
    path = write(tmp_path / "a.json", given, videos=videos)
    with pytest.raises(MaskError, match="one of x, y"):
        read_coco(path)
    assert [s.object_id for s in read_coco(path, clip="y").shapes] == [2]
    with pytest.raises(MaskError, match="called 'z'"):
        read_coco(path, clip="z")


def test_a_library_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"persam-vos\[export\]"):
        read_coco(write(tmp_path / "a.json", []))
