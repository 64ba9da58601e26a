"""LabelMe: a JSON file for each frame, with lossless masks."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..structures import ObjectResult
from .clip import Clip, ClipFrame
from .coco import category_names
from .exporter import option
from .pictures import IMAGES_HELP, ImageKind, frames_with_images

_VERSION = "5.5.0"  # of the format: the first with masks is 5.3


@dataclass(frozen=True, kw_only=True)
class LabelMe:
    """Write ``NAME.json`` beside ``NAME.jpg``: a mask for each object, whose id is ``group_id``.

    ``score`` is kept by LabelMe as it is.
    """

    label: str = option("object", "name of the label; {id} in it gives each object its own")
    images: ImageKind = option("jpg", IMAGES_HELP)

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        names = category_names(self.label, clip.object_ids)
        height, width = clip.info.size_hw
        ending = "jpg" if self.images == "none" else self.images
        for frame in frames_with_images(clip, output, self.images):
            facts: dict[str, Any] = {
                "version": _VERSION,
                "flags": {},
                "shapes": [_shape(frame, one, names[one.object_id]) for one in frame.visible],
                "imagePath": f"{frame.name}.{ending}",
                "imageData": None,
                "imageHeight": height,
                "imageWidth": width,
            }
            text = json.dumps(facts, indent=1, ensure_ascii=False)
            (output / f"{frame.name}.json").write_text(f"{text}\n", encoding="utf-8")


def _shape(frame: ClipFrame, one: ObjectResult, label: str) -> dict[str, Any]:
    assert one.box_xyxy is not None  # as it is visible
    x0, y0, x1, y1 = one.box_xyxy
    return {
        "label": label,
        "points": [[x0, y0], [x1, y1]],
        "group_id": one.object_id,
        "description": "",
        "shape_type": "mask",
        "flags": {},
        "mask": png_text(frame.labels[y0 : y1 + 1, x0 : x1 + 1] == one.object_id),
        "score": round(one.score, 4),
    }


def png_text(mask: npt.NDArray[np.bool_]) -> str:
    """Return an (h, w) mask as a PNG in base64."""
    file = io.BytesIO()
    Image.fromarray(mask).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")
