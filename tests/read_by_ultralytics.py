"""Check YOLO data sets as Ultralytics does before it trains; JSON to stdout.

``python read_by_ultralytics.py FOLDER...``, in an environment that has it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ultralytics.data.utils import check_det_dataset, img2label_paths, verify_image_label


def checked(folder: Path) -> dict[str, Any]:
    """Return names, boxes of each picture (class, centre, size: shares), and what is wrong."""
    told = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    pictures = sorted(str(path) for path in Path(told["train"]).glob("*.jpg"))
    boxes, outlines, wrong = [], [], []
    for picture, labels in zip(pictures, img2label_paths(pictures), strict=True):
        found = verify_image_label((picture, labels, "", False, told["nc"], 0, 0, False))
        boxes.append(found[1].tolist())
        outlines.append(len(found[3]))
        wrong += [found[9]] if found[8] or found[9] else []
    return {"names": told["names"], "boxes": boxes, "outlines": outlines, "wrong": wrong}


if __name__ == "__main__":
    sys.stdout.write(json.dumps([checked(Path(folder)) for folder in sys.argv[1:]]) + "\n")
