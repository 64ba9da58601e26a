"""The video with its objects shown in one of several styles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from ..media.video_writer import VideoWriter
from .clip import Clip
from .styles import Styled


@dataclass(frozen=True, kw_only=True)
class OverlayVideo(Styled):
    """Write H.264 in MP4, with the source's times and sound."""

    suffix: ClassVar[str] = ".mp4"

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        painter = self.painter(clip)
        info = replace(clip.info, size_hw=painter.size_hw)
        with VideoWriter(output, info) as writer:
            for frame in clip.pictures():
                writer.write(painter.draw(frame), frame.time_seconds, frame.duration_seconds)
