"""LabelMe's files as people have them."""

from __future__ import annotations

import json
from pathlib import Path

from persam_vos.imports.labelme import read_labelme


def test_files_come_in_natural_order_with_windows_paths(tmp_path: Path) -> None:
    polygon = {
        "label": "dog",
        "shape_type": "polygon",
        "points": [[1, 1], [5, 1], [5, 5]],
        "group_id": None,
    }
    box = {"label": "dog", "shape_type": "rectangle", "points": [[1, 1], [5, 5]]}
    for name in ("f10", "f2"):
        facts = {
            "shapes": [polygon, box],
            "imagePath": f"..\\shots\\{name}.jpg",
            "imageHeight": 10,
            "imageWidth": 20,
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(facts))
    found = read_labelme(tmp_path)
    assert [one.name for one in found.shapes] == ["f2", "f10"]
    assert found.boxes == 2
