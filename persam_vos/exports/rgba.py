"""The objects cut out of the pictures: RGBA PNG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from ..structures import Alpha, ColourTags
from .alpha import alphas, together
from .clip import Clip
from .colours import Colours, Values, values
from .exporter import option
from .png import save_png


@dataclass(frozen=True, kw_only=True)
class Rgba:
    """Write ``NAME.png`` for each frame, or ``ID/NAME.png`` for each object and frame.

    Of a source of more than 8 bits they have 16, with its primaries and transfer (cICP).
    """

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
        source = clip.open_source(deep=True)
        tags = source.info.colour
        for frame in clip.pictures(source):
            of_objects = alphas(clip, frame)
            if not self.each:
                whole = together(of_objects, clip.info.size_hw)
                self._save(output / f"{frame.name}.png", frame.colours, whole, tags)
                continue
            for object_id in clip.object_ids:
                alpha = of_objects.get(object_id, np.zeros(clip.info.size_hw, np.uint8))
                path = output / str(object_id) / f"{frame.name}.png"
                self._save(path, frame.colours, alpha, tags)

    def _save(self, path: Path, colours: Colours, alpha: Alpha, tags: ColourTags) -> None:
        premultiplied = self.alpha == "premultiplied"
        clear = self.background == "clear"
        save_png(path, with_alpha(colours, alpha, premultiplied=premultiplied, clear=clear), tags)


def with_alpha(
    colours: Colours, alpha: Alpha, *, premultiplied: bool, clear: bool = False
) -> Values:
    """Return (H, W, 4), of 8 or 16 bits, of a picture, (H, W, 3), and its alpha, (H, W).

    ``clear`` makes pixels without alpha black, as they are if ``premultiplied``.
    """
    image = values(colours)
    if premultiplied:
        product = image.astype(np.uint32) * alpha[..., None]
        image = ((product + 127) // 255).astype(image.dtype)
    elif clear:
        image = np.where(alpha[..., None] > 0, image, image.dtype.type(0))
    step = np.iinfo(image.dtype).max // 255  # 257 of 16 bits
    return np.dstack([image, alpha.astype(image.dtype) * image.dtype.type(step)])
