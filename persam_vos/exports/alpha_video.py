"""The objects cut out of the video, with alpha: ProRes 4444 and VP9."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from ..media.picture_encoder import Pixels, VideoFormat, to_yuv
from ..media.reader import Source
from ..media.video_writer import VideoWriter
from ..structures import ColourTags
from .alpha import alphas, together
from .clip import Clip
from .colours import video_tags
from .exporter import option
from .rgba import with_alpha

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

VP9_ALPHA = VideoFormat(
    codec="libvpx-vp9",
    container="webm",
    pixel_format="yuv420p",
    to_frame=lambda pixels: to_yuv(pixels[..., :3], "rgb24", "yuv420p"),
    options={"crf": "18", "b": "0", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0"},
    time_base=Fraction(1, 1000),
    sound=False,
    alpha_beside=True,
    metadata={"alpha_mode": "1"},
)


def prores_4444(colour: ColourTags) -> VideoFormat:
    """Return ProRes 4444 for (H, W, 4) RGBA of 8 or 16 bits, in the primaries and curve given."""

    def to_frame(pixels: Pixels) -> VideoFrame:
        given = "rgba" if pixels.dtype == np.uint8 else "rgba64le"
        return to_yuv(pixels, given, "yuva444p10le", colour)

    return VideoFormat(
        codec="prores_ks",
        container="mov",
        pixel_format="yuva444p10le",
        to_frame=to_frame,
        options={"profile": "4444", "alpha_bits": "16", "vendor": "apl0"},
        colour=colour,
    )


@dataclass(frozen=True, kw_only=True)
class _AlphaVideo:
    alpha: Literal["straight", "premultiplied"] = option(
        "straight", "whether colours are multiplied by alpha"
    )
    each: bool = option(False, "a file for each object, in a folder")

    soft: ClassVar[bool] = True

    def _write(
        self, clip: Clip, source: Source, output: Path, video_format: VideoFormat, suffix: str
    ) -> None:
        paths = {one: output / f"{one}{suffix}" for one in clip.object_ids if self.each}
        with ExitStack() as stack:
            writers = {
                one: stack.enter_context(VideoWriter(path, clip.info, video_format))
                for one, path in (paths or {0: output}).items()
            }
            for frame in clip.pictures(source):
                found = alphas(clip, frame)
                for object_id, writer in writers.items():
                    alpha = found.get(object_id, np.zeros(clip.info.size_hw, np.uint8))
                    if not self.each:
                        alpha = together(found, clip.info.size_hw)
                    premultiplied = self.alpha == "premultiplied"
                    pixels = with_alpha(frame.colours, alpha, premultiplied=premultiplied)
                    writer.write(pixels, frame.time_seconds, frame.duration_seconds)


@dataclass(frozen=True, kw_only=True)
class ProRes(_AlphaVideo):
    """Write ProRes 4444 with 16 bits of alpha: 10-bit colours at full resolution.

    Primaries and transfer are the source's, also of a high dynamic range; BT.709 if it has none.
    """

    @property
    def suffix(self) -> str:
        """One file, or a folder of one for each object."""
        return "" if self.each else ".mov"

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        source = clip.open_source(deep=True)
        video_format = prores_4444(video_tags(source.info.colour))
        self._write(clip, source, output, video_format, ".mov")


@dataclass(frozen=True, kw_only=True)
class WebM(_AlphaVideo):
    """Write VP9 with alpha for web pages: 8-bit colours at half resolution, BT.709, no sound.

    Alpha is lossless.
    """

    @property
    def suffix(self) -> str:
        """One file, or a folder of one for each object."""
        return "" if self.each else ".webm"

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        self._write(clip, clip.open_source(), output, VP9_ALPHA, ".webm")
