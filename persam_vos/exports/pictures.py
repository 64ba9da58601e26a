"""The source's pictures as image files, beside labels or alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from PIL import Image

from ..structures import RgbImage
from .clip import Clip, ClipFrame
from .exporter import option

ImageKind = Literal["jpg", "png", "none"]
IMAGES_HELP = "pictures beside the labels: JPEG (quality 95), lossless PNG, or none"


def frames_with_images(clip: Clip, folder: Path, kind: ImageKind) -> Iterator[ClipFrame]:
    """Yield the frames of a clip, whose pictures are written to ``folder`` unless ``kind`` is none.

    The files are called ``NAME.jpg`` or ``NAME.png``.
    """
    if kind == "none":
        yield from clip.frames()
        return
    folder.mkdir(parents=True, exist_ok=True)
    for frame in clip.pictures():
        save_image(folder / f"{frame.name}.{kind}", frame.image)
        yield frame


def save_image(path: Path, image: RgbImage) -> None:
    """Write an (H, W, 3) picture as JPEG or PNG, by the suffix of the path."""
    if path.suffix == ".jpg":
        Image.fromarray(image).save(path, quality=95, subsampling=0)
    else:
        Image.fromarray(image).save(path, compress_level=4)


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Write ``NAME.jpg`` or ``NAME.png``: the pictures of the source, named as the masks are."""

    images: Literal["jpg", "png"] = option("jpg", "JPEG (quality 95) or lossless PNG")

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        for _ in frames_with_images(clip, output, self.images):
            pass
