"""The objects cut out of the pictures: RGBA PNG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..structures import Alpha, RgbImage
from .alpha import alphas, together
from .clip import Clip
from .exporter import option

RgbaImage = npt.NDArray[np.uint8]
"""(H, W, 4) uint8."""


@dataclass(frozen=True, kw_only=True)
class Rgba:
    """Write ``NAME.png`` for each frame, or ``ID/NAME.png`` for each object and frame."""

    alpha: Literal["straight", "premultiplied"] = option(
        "straight", "whether colours are multiplied by alpha, as some compositors want them"
    )
    background: Literal["clear", "keep"] = option(
        "clear", "clear makes pixels without alpha black; keep leaves the picture under them"
    )
    each: bool = option(False, "a folder for each object, rather than all of them together")

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = True

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        for object_id in clip.object_ids if self.each else ():
            (output / str(object_id)).mkdir()
        for frame in clip.pictures():
            of_objects = alphas(clip, frame)
            if not self.each:
                whole = together(of_objects, clip.info.size_hw)
                self._save(output / f"{frame.name}.png", frame.image, whole)
                continue
            for object_id in clip.object_ids:
                alpha = of_objects.get(object_id, np.zeros(clip.info.size_hw, np.uint8))
                self._save(output / str(object_id) / f"{frame.name}.png", frame.image, alpha)

    def _save(self, path: Path, image: RgbImage, alpha: Alpha) -> None:
        premultiplied = self.alpha == "premultiplied"
        clear = self.background == "clear"
        pixels = with_alpha(image, alpha, premultiplied=premultiplied, clear=clear)
        Image.fromarray(pixels).save(path, compress_level=4)


def with_alpha(
    image: RgbImage, alpha: Alpha, *, premultiplied: bool, clear: bool = False
) -> RgbaImage:
    """Return (H, W, 4) of a picture, (H, W, 3), and its alpha, (H, W).

    ``clear`` makes pixels without alpha black, as they are if ``premultiplied``.
    """
    colours = image
    if premultiplied:
        product = image.astype(np.uint16) * alpha[..., None]
        colours = ((product + 127) // 255).astype(np.uint8)
    elif clear:
        colours = np.where(alpha[..., None] > 0, image, np.uint8(0))
    return np.dstack([colours, alpha])
