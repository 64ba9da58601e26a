"""Multi-layer OpenEXR: the cut-out in the main layer, and a layer with the matte of each object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ..structures import Alpha
from .alpha import alphas, together
from .clip import Clip
from .exporter import option

Half = npt.NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class Exr:
    """Write ``NAME.exr`` for each frame: half floats, ZIP compression.

    The main layer has R, G, B and A of all objects together; layers ``object_ID`` have the A of
    one object each, or with ``layers=rgba`` its colours too.
    """

    alpha: Literal["premultiplied", "straight"] = option(
        "premultiplied", "whether colours are multiplied by alpha, as EXR expects"
    )
    colour: Literal["linear", "source"] = option(
        "linear", "linear light by the sRGB curve, as EXR expects; or the video's own values / 255"
    )
    layers: Literal["alpha", "rgba"] = option("alpha", "what the layer of each object holds")

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = True

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        import OpenEXR

        table = linear_light() if self.colour == "linear" else _steps()
        header = {
            "compression": OpenEXR.ZIP_COMPRESSION,
            "type": OpenEXR.scanlineimage,
            "framesPerSecond": float(clip.info.frames_per_second),
        }
        for frame in clip.pictures():
            found = alphas(clip, frame)
            colours = table[frame.image]  # (H, W, 3)
            whole = _share(together(found, clip.info.size_hw))
            channels = {"RGBA": self._rgba(colours, whole)}
            for object_id in clip.object_ids:
                alpha = np.zeros(clip.info.size_hw, np.float32)
                if object_id in found:
                    alpha = _share(found[object_id])
                layer = f"object_{object_id}"
                if self.layers == "rgba":
                    pixels = self._rgba(colours, alpha)
                    for place, channel in enumerate("RGBA"):
                        channels[f"{layer}.{channel}"] = np.ascontiguousarray(pixels[..., place])
                else:
                    channels[f"{layer}.A"] = alpha.astype(np.float16)
            with OpenEXR.File(header, channels) as file:
                file.write(str(output / f"{frame.name}.exr"))

    def _rgba(self, colours: npt.NDArray[np.float32], alpha: npt.NDArray[np.float32]) -> Half:
        if self.alpha == "premultiplied":
            colours = colours * alpha[..., None]
        return np.dstack([colours, alpha]).astype(np.float16)


@lru_cache(maxsize=1)
def linear_light() -> npt.NDArray[np.float32]:
    """Return the light of each of 256 levels, 0 to 1, by the curve of IEC 61966-2-1 (sRGB)."""
    levels = _steps()
    curve = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return np.asarray(curve, dtype=np.float32)


def _share(alpha: Alpha) -> npt.NDArray[np.float32]:
    """Return a soft mask, (H, W), in [0, 1]."""
    return np.asarray(alpha, dtype=np.float32) / np.float32(255)


def _steps() -> npt.NDArray[np.float32]:
    return np.arange(256, dtype=np.float32) / np.float32(255)
