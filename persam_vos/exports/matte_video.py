"""The soft mask alone, as a grey video."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from ..media.picture_encoder import (
    FULL_RANGE,
    H264,
    Pixels,
    VideoFormat,
    to_even,
    to_yuv,
)
from ..media.video_writer import VideoWriter
from .alpha import alphas, together
from .clip import Clip
from .exporter import option

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


def _grey_frame(pixels: Pixels) -> VideoFrame:
    from av.video.frame import VideoFrame

    return VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="gray")


_FORMATS = {
    "h264": VideoFormat(
        codec="libx264",
        container="mp4",
        pixel_format="yuv420p",
        to_frame=lambda pixels: to_yuv(to_even(pixels), "gray", "yuv420p"),
        options={**H264.options, "crf": "12"},
        even=True,
        sound=False,
    ),
    "ffv1": VideoFormat(
        codec="ffv1",
        container="matroska",
        pixel_format="gray",
        to_frame=_grey_frame,
        options={"level": "3", "g": "1", "slicecrc": "1"},
        range=FULL_RANGE,
        sound=False,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Matte:
    """Write white where the objects are, black elsewhere, grey at their outlines."""

    codec: Literal["h264", "ffv1"] = option(
        "h264", "h264 (.mp4) plays everywhere; ffv1 (.mkv) is lossless"
    )
    each: bool = option(False, "a file for each object, in a folder")

    soft: ClassVar[bool] = True

    @property
    def suffix(self) -> str:
        """One file, or a folder of one for each object."""
        return "" if self.each else self._file_suffix

    @property
    def _file_suffix(self) -> str:
        return ".mp4" if self.codec == "h264" else ".mkv"

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        ids = clip.object_ids if self.each else ()
        paths = {one: output / f"{one}{self._file_suffix}" for one in ids} or {0: output}
        with ExitStack() as stack:
            writers = {
                one: stack.enter_context(VideoWriter(path, clip.info, _FORMATS[self.codec]))
                for one, path in paths.items()
            }
            nothing = np.zeros(clip.info.size_hw, np.uint8)
            for frame in clip.frames():
                found = dict(alphas(clip, frame))
                if not self.each:
                    found[0] = together(found, clip.info.size_hw)
                for object_id, writer in writers.items():
                    writer.write(found.get(object_id, nothing), frame.time_seconds)
