"""Label Studio's exports as people have them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from persam_vos.imports.label_studio import read_label_studio


@pytest.mark.parametrize(
    "url", ["/data/upload/1/a b.png", "/data/local-files/?d=x/a b.png", "https://h/a b.png?x=1"]
)
def test_polygons_are_in_shares_and_boxes_are_counted(url: str, tmp_path: Path) -> None:
    size = {"original_width": 20, "original_height": 10}
    square = [[10, 20], [40, 20], [40, 80], [10, 80]]
    polygon = {"points": square, "polygonlabels": ["dog"]}
    result = [
        {"id": "x1", "type": "polygonlabels", "value": polygon, **size},
        {"id": "x2", "type": "rectanglelabels", "value": {}, **size},
    ]
    tasks = [{"data": {"image": url}, "annotations": [{"result": result}]}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tasks))
    found = read_label_studio(path)
    assert found.boxes == 1
    (shape,) = found.shapes
    assert (shape.name, shape.label, shape.object_id) == ("a b", "dog", None)
    labels = np.zeros((10, 20), np.uint8)
    shape.draw(labels, 1)
    assert labels[2:8, 2:8].all()
