"""One decoded picture of a video: which way up it is, and its pixels as 8-bit RGB."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from ..structures import RgbImage
from .orientation import Orientation
from .tone_mapping import TRANSFERS, tone_map

if TYPE_CHECKING:
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame

LIMITED, FULL = 1, 2
"""Ranges of ITU-T H.273 in FFmpeg's numbers."""


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
    from av.video.reformatter import Interpolation

    # Without these flags swscale is up to 3 levels off and repeats chroma samples.
    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    height, width = size_hw or (picture.height, picture.width)
    transfer = TRANSFERS.get(picture.color_trc)
    rgb = _own.reformatter.reformat(
        picture,
        width=width,
        height=height,
        format="rgb48le" if transfer else "rgb24",
        interpolation=flags,
        threads=1,
    ).to_ndarray()
    if picture.format.name.startswith("gray") and picture.color_range == LIMITED:
        rgb = _expanded(rgb)  # swscale takes every grey for full range
    if transfer:
        return tone_map(np.asarray(rgb, dtype=np.uint16), transfer)
    return np.asarray(rgb, dtype=np.uint8)


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

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self.reformatter = VideoReformatter()


_own = _OwnReformatter()
