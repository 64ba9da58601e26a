"""Multi-layer OpenEXR: the cut-out in the main layer, and a layer with the matte of each object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ..media.tone_mapping import WHITE_NITS
from ..structures import Alpha
from .alpha import alphas, together
from .clip import Clip
from .colours import BT709, CHROMATICITIES, Floats, light, shares
from .exporter import option


@dataclass(frozen=True, kw_only=True)
class Exr:
    """Write ``NAME.exr`` for each frame: half floats or floats, ZIP compression.

    The main layer has R, G, B and A of all objects together; layers ``object_ID`` have the A of
    one object each, or with ``layers=rgba`` its colours too. Light of a high dynamic range keeps
    its primaries, which the header names, and goes beyond 1, which is 203 cd/m2.
    """

    alpha: Literal["premultiplied", "straight"] = option(
        "premultiplied", "whether colours are multiplied by alpha, as EXR expects"
    )
    colour: Literal["linear", "source"] = option(
        "linear",
        "linear light, as EXR expects: by the curve of PQ, HLG or sRGB; or the video's own values, "
        "1 for white",
    )
    depth: Literal["half", "float"] = option(
        "half", "16 bits, of which 11 count, or 32 bits, which keep those of 16-bit images"
    )
    layers: Literal["alpha", "rgba"] = option("alpha", "what the layer of each object holds")

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = True

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        import OpenEXR

        source = clip.open_source(deep=True)
        tags, is_light = source.info.colour, self.colour == "linear"
        header = {
            "compression": OpenEXR.ZIP_COMPRESSION,
            "type": OpenEXR.scanlineimage,
            "framesPerSecond": float(clip.info.frames_per_second),
            "chromaticities": CHROMATICITIES.get(tags.primaries, CHROMATICITIES[BT709]),
        }
        if is_light and source.info.transfer:
            header["whiteLuminance"] = WHITE_NITS
        for frame in clip.pictures(source):
            found = alphas(clip, frame)
            colours = light(frame.colours, tags) if is_light else shares(frame.colours)
            whole = _share(together(found, clip.info.size_hw))
            channels: dict[str, npt.NDArray[Any]] = {"RGBA": self._rgba(colours, whole)}
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
                    channels[f"{layer}.A"] = alpha.astype(self._type)
            with OpenEXR.File(header, channels) as file:
                file.write(str(output / f"{frame.name}.exr"))

    @property
    def _type(self) -> type[np.float16] | type[np.float32]:
        return np.float16 if self.depth == "half" else np.float32

    def _rgba(self, colours: Floats, alpha: Floats) -> npt.NDArray[Any]:
        if self.alpha == "premultiplied":
            colours = colours * alpha[..., None]
        return np.dstack([colours, alpha]).astype(self._type)


def _share(alpha: Alpha) -> Floats:
    """Return a soft mask, (H, W), in [0, 1]."""
    return np.asarray(alpha, dtype=np.float32) / np.float32(255)
