"""Short moving pictures for chat and slides: GIF and animated WebP."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from ..errors import UsageError
from .clip import Clip
from .exporter import option
from .styles import Styled


@dataclass(frozen=True, kw_only=True)
class _Animation(Styled):
    width: int = option(480, "width in pixels, at most")
    rate: float = option(12.0, "pictures a second, at most")

    def __post_init__(self) -> None:
        Styled.__post_init__(self)
        if self.width < 16 or not 0.1 <= self.rate <= 50:
            raise UsageError(
                "options width and rate",
                got=f"{self.width} pixels and {self.rate:g} pictures a second",
                expected="16 pixels or more, and 0.1 to 50 pictures a second",
            )

    def _write(self, clip: Clip, output: Path, unit_ms: int, **settings: Any) -> None:
        times = _chosen_times(clip, self.rate)
        pictures = self._pictures(clip, set(times))
        durations = _durations(clip, list(times.values()), unit_ms)
        next(pictures).save(
            output,
            save_all=True,
            append_images=pictures,
            duration=durations if len(durations) > 1 else durations[0],
            loop=0,
            **settings,
        )

    def _pictures(self, clip: Clip, chosen: set[int]) -> Iterator[Image.Image]:
        painter = self.painter(clip)
        height, width = painter.size_hw
        across = min(width, self.width)
        size = (across, max(1, round(height * across / width)))
        for frame in clip.pictures():
            if frame.index in chosen:
                picture = Image.fromarray(painter.draw(frame))
                if picture.size != size:
                    picture = picture.resize(size, Image.Resampling.LANCZOS)
                yield self._finished(picture)

    def _finished(self, picture: Image.Image) -> Image.Image:
        return picture


@dataclass(frozen=True, kw_only=True)
class Gif(_Animation):
    """Write a GIF of 256 colours for each picture; what differs from the last one is stored."""

    suffix: ClassVar[str] = ".gif"

    def write(self, clip: Clip, output: Path) -> None:
        """Write the chosen frames."""
        self._write(clip, output, 10, disposal=1)

    def _finished(self, picture: Image.Image) -> Image.Image:
        return picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


@dataclass(frozen=True, kw_only=True)
class WebP(_Animation):
    """Write an animated WebP."""

    quality: int = option(80, "1 to 100")

    suffix: ClassVar[str] = ".webp"

    def __post_init__(self) -> None:
        _Animation.__post_init__(self)
        if not 1 <= self.quality <= 100:
            raise UsageError("option quality", got=f"{self.quality}", expected="1 to 100")

    def write(self, clip: Clip, output: Path) -> None:
        """Write the chosen frames."""
        self._write(clip, output, 1, quality=self.quality, method=4)


def _chosen_times(clip: Clip, rate: float) -> dict[int, float]:
    """Return the times of the frames to show, by index, so that there are not too many a second."""
    chosen: dict[int, float] = {}
    due = clip.entries[0].time_seconds
    for entry in clip.entries:
        if entry.time_seconds >= due - 1e-6:
            chosen[entry.index] = entry.time_seconds
            due = max(due + 1 / rate, entry.time_seconds)
    return chosen


def _durations(clip: Clip, times: list[float], unit_ms: int) -> list[int]:
    """Return how long each picture is shown, in milliseconds, without drift of whole units."""
    end = clip.entries[-1].time_seconds + float(1 / clip.info.frames_per_second)
    ticks = [round((time - times[0]) * 1000 / unit_ms) for time in [*times, end]]
    return [max(1, b - a) * unit_ms for a, b in itertools.pairwise(ticks)]
