"""Label maps as PNG files: one for each frame, or one for each object and frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from PIL import Image

from ..errors import UsageError
from ..media.label_png import write_label_png
from ..scoring.palette import davis_palette
from ..structures import LabelMap
from .clip import Clip
from .exporter import option

MOST_16BIT = 65535


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Write ``NAME.png`` for each frame: each pixel has the id of its object, 0 is background."""

    kind: Literal["palette", "grey", "16bit", "rgb"] = option(
        "palette",
        "grey and 16bit hold ids as grey values, rgb the colours of the DAVIS palette",
    )
    offset: int = option(
        0, "added to every id, so that those of several videos differ; beyond 255 with kind=16bit"
    )

    def __post_init__(self) -> None:
        most = (MOST_16BIT if self.kind == "16bit" else 255) - 255
        if not 0 <= self.offset <= most:
            raise UsageError(
                "export labels, option offset",
                got=f"{self.offset}",
                expected=f"0 to {most} with kind={self.kind}",
                remedy="" if most else "choose kind=16bit",
            )

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        for frame in clip.frames():
            path = output / f"{frame.name}.png"
            if self.kind == "palette":
                write_label_png(path, frame.labels)
            else:
                Image.fromarray(self._pixels(frame.labels)).save(path)

    def _pixels(self, labels: LabelMap) -> np.ndarray:
        if self.kind == "rgb":
            return np.asarray(davis_palette()[labels])
        if self.kind == "16bit":
            moved = labels.astype(np.uint16) + np.uint16(self.offset)
            return np.where(labels > 0, moved, np.uint16(0))
        return labels


@dataclass(frozen=True, kw_only=True)
class Masks:
    """Write ``ID/NAME.png`` for each object and frame: 255 where it is, else 0."""

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        for object_id in clip.object_ids:
            (output / str(object_id)).mkdir()
        for frame in clip.frames():
            for object_id in clip.object_ids:
                mask = np.where(frame.labels == object_id, np.uint8(255), np.uint8(0))
                Image.fromarray(mask).save(output / str(object_id) / f"{frame.name}.png")
