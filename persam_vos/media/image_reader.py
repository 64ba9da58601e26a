"""Frames from still images: one file, a folder in natural order, or the matches of a pattern."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ..errors import MediaError
from ..structures import Frame, RgbImage, SourceInfo
from .frame_numbers import no_such_frame

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".gif", ".jp2", ".avif"),
)
IMAGE_RATE = Fraction(24)
"""Frames per second of images: they have none, and DAVIS plays at 24."""


class ImageSource:
    """Still images of one size, in the order given; each is a frame named by its stem.

    Headers are checked at once, pixels are read when their turn comes. Raises MediaError when an
    image cannot be read, differs in size from the first, or would share its name with another.
    """

    def __init__(self, path: str, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        check_names(self.files)
        (height, width), codec, mode = header(self.files[0])
        for file in self.files[1:]:
            size_hw = header(file)[0]
            if size_hw != (height, width):
                raise MediaError(
                    str(file),
                    got=f"an image of {size_hw[1]} x {size_hw[0]}",
                    expected=f"{width} x {height}, as {self.files[0].name}",
                    remedy="bring all frames to one size, or move this one out of the folder",
                )
        self.info = SourceInfo(
            path=path,
            kind="images",
            size_hw=(height, width),
            frame_count=len(self.files),
            frames_per_second=IMAGE_RATE,
            codec=codec,
            pixel_format=mode,
        )

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Yield the images from ``start`` on; raises MediaError at one that cannot be decoded."""
        self._check(start)
        for index in range(start, len(self.files)):
            yield self._frame(index)

    def frames_reversed(self, until: int) -> Iterator[Frame]:
        """Yield the images from ``until`` back to 0, the same as forwards; raises MediaError."""
        self._check(until)
        for index in range(until, -1, -1):
            yield self._frame(index)

    def _check(self, index: int) -> None:
        if index >= len(self.files):
            raise no_such_frame(self.info.path, index, len(self.files))

    def _frame(self, index: int) -> Frame:
        file = self.files[index]
        return Frame(index, file.stem, read_image(file), float(index / IMAGE_RATE))


def read_image(path: Path) -> RgbImage:
    """Read an image file as (H, W, 3) uint8 RGB, turned as its EXIF orientation says.

    Grey, palette and CMYK images are converted, alpha is dropped, 16-bit grey is scaled to 8.
    Raises MediaError when the file cannot be read.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith(("I", "F")):
                return grey_to_rgb(path, np.asarray(upright))
            return np.array(upright.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise unreadable(path, error) from error


def grey_to_rgb(path: Path, grey: np.ndarray) -> RgbImage:
    """Scale (H, W) grey values of 16 bits to (H, W, 3) uint8; raises MediaError beyond that."""
    if grey.dtype.kind not in "iu" or grey.min() < 0 or grey.max() > 0xFFFF:
        raise MediaError(
            str(path),
            got=f"{grey.dtype} values from {grey.min()} to {grey.max()}",
            expected="8 or 16 bits a channel",
            remedy="export the image as 8-bit PNG or JPEG",
        )
    eight_bits = ((grey.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.repeat(eight_bits[:, :, None], 3, axis=2)


def header(path: Path) -> tuple[tuple[int, int], str, str]:
    """Return an image's upright (height, width), its format and its mode; raises MediaError."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            # Of a PNG, Pillow would decode all pixels in search of tags behind them.
            tagged = image.format != "PNG" or "exif" in image.info
            exif = image.getexif() if tagged else {}
            turned = exif.get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
            return (width, height) if turned else (height, width), image.format or "", image.mode
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise unreadable(path, error) from error


def is_animated(path: Path) -> bool:
    """Whether an image file holds a moving picture (GIF, PNG or WebP); raises MediaError."""
    try:
        with Image.open(path) as image:
            return image.format in ("GIF", "PNG", "WEBP") and getattr(image, "n_frames", 1) > 1
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise unreadable(path, error) from error


def is_image(path: Path) -> bool:
    """Whether a path looks like an image that is meant to be seen."""
    shown = not path.name.startswith(".")
    return shown and path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def natural_key(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Order paths as people do: frame2 before frame10, whatever the case."""
    parts = re.findall(r"[0-9]+|[^0-9]+", str(path).casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts], str(path)


def check_names(files: Sequence[Path]) -> None:
    """Raise MediaError when two images would give one mask file."""
    seen: dict[str, Path] = {}
    for file in files:
        if file.stem in seen:
            raise MediaError(
                f"{seen[file.stem]} and {file}",
                got=f"two images called {file.stem!r}",
                expected="one image for each mask name",
                remedy="select one kind with a pattern, such as 'folder/*.jpg'",
            )
        seen[file.stem] = file


def unreadable(path: Path, error: Exception) -> MediaError:
    """Say that an image file cannot be read, in Pillow's words without its paths."""
    words = "not an image" if isinstance(error, UnidentifiedImageError) else str(error)
    if isinstance(error, OSError) and error.strerror:
        words = error.strerror
    return MediaError(
        str(path),
        got=f"a file that cannot be read as an image ({words})",
        expected="a whole image file",
        remedy="export it again, or move it out of the folder",
    )
