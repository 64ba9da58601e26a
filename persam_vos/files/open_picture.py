"""Image files are opened by Pillow here alone: within the limits."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import cv2
from PIL import Image

from ..errors import MediaError, PersamVosError
from .limits import MAX_PIXELS, check_pixels

FAILURES: tuple[type[Exception], ...] = (
    *(OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, cv2.error),
    # These by mistake, of files that were damaged at random (`make fuzz`).
    *(TypeError, KeyError, IndexError, OverflowError, AttributeError, ZeroDivisionError),
    *(RuntimeError, struct.error, zlib.error),
)
"""What Pillow, OpenCV and tifffile raise for files that they cannot read."""
UNREADABLE: tuple[type[Exception], ...] = (PersamVosError, *FAILURES)
"""The same, and what this package raises."""


@contextmanager
def open_picture(
    file: Path | BinaryIO,
    name: str,
    kind: type[PersamVosError] = MediaError,
    *,
    formats: tuple[str, ...] | None = None,
) -> Iterator[Image.Image]:
    """Open an image, whose pixels are not decoded yet; ``name`` is what an error calls it.

    Raises ``kind`` where its header tells of more pixels than may be, and of `FAILURES` what Pillow
    raises. ``formats`` are the only ones to try, as Pillow names them.
    """
    if MAX_PIXELS.value > MAX_PIXELS.default:
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS.value  # of which Pillow refuses the double
    with Image.open(file, formats=formats) as image:
        check_pixels(name, (image.height, image.width), kind)
        yield image
