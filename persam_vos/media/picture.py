"""One decoded picture of a video: which way up it is, and its pixels as 8-bit RGB."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from ..structures import RgbImage
from .orientation import Orientation
from .tone_mapping import TRANSFERS, tone_map

if TYPE_CHECKING:
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

LIMITED, FULL = 1, 2
"""Ranges of ITU-T H.273 in FFmpeg's numbers."""
SWSCALE_WHITE = 255 << 8
"""What swscale takes for white where it makes 16-bit RGB of limited YUV, or the other way."""


def orientation_of(picture: VideoFrame) -> Orientation:
    """Return how a decoded picture has to be turned."""
    from av.sidedata.sidedata import SideDataContainer

    # Not `picture.side_data`: it and its picture hold each other, with all pixels, until Python's
    # cycle collector comes by, which took over a thousand frames.
    try:
        side_data = SideDataContainer(picture)  # type: ignore[call-arg]  # its stub has no __init__
    except ValueError:  # a kind that PyAV does not know, such as EXIF, hides all others
        return Orientation.from_degrees(-picture.rotation)
    matrix = side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Orientation()
    return Orientation.from_display_matrix(bytes(cast("SideData", matrix)))


def to_rgb(picture: VideoFrame, size_hw: tuple[int, int] | None = None) -> RgbImage:
    """Convert a picture of any pixel format to (H, W, 3) uint8 RGB, alpha dropped.

    Matrix and range are those the stream is tagged with; untagged is BT.601 limited, as in FFmpeg.
    PQ and HLG are tone-mapped, see `tone_map`. ``size_hw`` scales the stored picture.
    """
    transfer = TRANSFERS.get(picture.color_trc)
    if transfer:
        return tone_map(to_deep_rgb(picture, size_hw), transfer)
    return np.asarray(_reformatted(picture, size_hw, "rgb24"), dtype=np.uint8)


def to_deep_rgb(
    picture: VideoFrame, size_hw: tuple[int, int] | None = None
) -> npt.NDArray[np.uint16]:
    """Convert a picture to (H, W, 3) uint16 RGB, as `to_rgb` but with all its values: no tone map.

    White is 65535, of any depth and range.
    """
    # Not rgb48le: of pictures with half as many rows of colour, swscale makes wrong colours.
    rgb = np.asarray(_reformatted(picture, size_hw, "gbrp16le"), dtype=np.uint16)
    first = picture.format.components[0]
    if picture.format.is_rgb or picture.format.name.startswith("gray"):
        return rgb
    white = SWSCALE_WHITE
    if picture.color_range == FULL:
        white = ((1 << first.bits) - 1) << (16 - first.bits)
    return np.asarray(_white_to_full(white)[rgb], np.uint16)


def _reformatted(
    picture: VideoFrame, size_hw: tuple[int, int] | None, wanted: str
) -> npt.NDArray[Any]:
    """Return the pixels of a picture in an RGB format, (H, W, 3)."""
    from av.video.reformatter import Interpolation

    # Without these flags swscale is up to 3 levels off and repeats chroma samples.
    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    height, width = size_hw or (picture.height, picture.width)
    rgb = _own.reformatter.reformat(
        picture, width=width, height=height, format=wanted, interpolation=flags, threads=1
    ).to_ndarray()
    if picture.format.name.startswith("gray") and picture.color_range == LIMITED:
        rgb = _expanded(rgb)  # swscale takes every grey for full range
    return rgb


@lru_cache(maxsize=4)
def _white_to_full(white: int) -> npt.NDArray[np.uint16]:
    """Return a table that stretches 16-bit values, so that ``white`` becomes 65535."""
    values = np.arange(65536) * (65535 / white)
    return np.asarray(np.rint(np.minimum(values, 65535)), np.uint16)


def _expanded(rgb: np.ndarray) -> np.ndarray:
    """Stretch limited range, black 16 and white 235 of 255, to all of 8 or 16 bits."""
    levels = np.iinfo(rgb.dtype).max
    black, white = 16 / 256 * (levels + 1), 235 / 256 * (levels + 1)
    values = (np.arange(levels + 1) - black) * (levels / (white - black))
    table = np.clip(np.rint(values), 0, levels).astype(rgb.dtype)
    return table[rgb] if rgb.dtype != np.uint8 else np.asarray(cv2.LUT(rgb, table))


class _OwnReformatter(threading.local):
    """A thread's swscale context, for all its pictures: each by itself would make another.

    Contexts are used with one thread. By default they start one for each core, which on 16 of them
    takes longer than to convert a picture.
    """

    _made: VideoReformatter | None = None

    @property
    def reformatter(self) -> VideoReformatter:
        """Return this thread's, made when it is first needed: not all that import this do."""
        from av.video.reformatter import VideoReformatter

        if self._made is None:
            self._made = VideoReformatter()
        return self._made


_own = _OwnReformatter()
