"""The objects cut out of the video, with alpha: ProRes 4444 and VP9."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from ..media.video_writer import VideoFormat, VideoWriter, to_yuv
from .alpha import alphas, together
from .clip import Clip
from .exporter import option
from .rgba import with_alpha

PRORES_4444 = VideoFormat(
    codec="prores_ks",
    container="mov",
    pixel_format="yuva444p10le",
    to_frame=lambda pixels: to_yuv(pixels, "rgba", "yuva444p10le"),
    options={"profile": "4444", "alpha_bits": "16", "vendor": "apl0"},
)
VP9_ALPHA = VideoFormat(
    codec="libvpx-vp9",
    container="webm",
    pixel_format="yuva420p",
    to_frame=lambda pixels: to_yuv(pixels, "rgba", "yuva420p"),
    options={"crf": "18", "b": "0", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0"},
    time_base=Fraction(1, 1000),
    sound=False,
    metadata={"alpha_mode": "1"},
)


@dataclass(frozen=True, kw_only=True)
class _AlphaVideo:
    alpha: Literal["straight", "premultiplied"] = option(
        "straight", "whether colours are multiplied by alpha"
    )
    each: bool = option(False, "a file for each object, in a folder")

    soft: ClassVar[bool] = True

    def _write(self, clip: Clip, output: Path, video_format: VideoFormat, suffix: str) -> None:
        paths = {one: output / f"{one}{suffix}" for one in clip.object_ids if self.each}
        with ExitStack() as stack:
            writers = {
                one: stack.enter_context(VideoWriter(path, clip.info, video_format))
                for one, path in (paths or {0: output}).items()
            }
            for frame in clip.pictures():
                found = alphas(clip, frame)
                for object_id, writer in writers.items():
                    alpha = found.get(object_id, np.zeros(clip.info.size_hw, np.uint8))
                    if not self.each:
                        alpha = together(found, clip.info.size_hw)
                    premultiplied = self.alpha == "premultiplied"
                    pixels = with_alpha(frame.image, alpha, premultiplied=premultiplied)
                    writer.write(pixels, frame.time_seconds, frame.duration_seconds)


@dataclass(frozen=True, kw_only=True)
class ProRes(_AlphaVideo):
    """Write ProRes 4444 with 16 bits of alpha: 10-bit colours at full resolution, BT.709."""

    @property
    def suffix(self) -> str:
        """One file, or a folder of one for each object."""
        return "" if self.each else ".mov"

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        self._write(clip, output, PRORES_4444, ".mov")


@dataclass(frozen=True, kw_only=True)
class WebM(_AlphaVideo):
    """Write VP9 with alpha for web pages: 8-bit colours at half resolution, BT.709, no sound."""

    @property
    def suffix(self) -> str:
        """One file, or a folder of one for each object."""
        return "" if self.each else ".webm"

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        self._write(clip, output, VP9_ALPHA, ".webm")
