"""One picture of many frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image, ImageDraw

from ..errors import UsageError
from .clip import Clip
from .exporter import option
from .pictures import save_image
from .styles import Styled, text_font

_GAP = 6


@dataclass(frozen=True, kw_only=True)
class ContactSheet(Styled):
    """Write a PNG with frames that are evenly apart, and their numbers."""

    count: int = option(12, "number of frames, at most")
    columns: int = option(4, "number of frames side by side")
    width: int = option(480, "width of each in pixels, at most")

    suffix: ClassVar[str] = ".png"

    def __post_init__(self) -> None:
        Styled.__post_init__(self)
        if min(self.count, self.columns) < 1 or self.width < 16:
            raise UsageError(
                "options count, columns and width",
                got=f"{self.count}, {self.columns} and {self.width}",
                expected="1 or more, and 16 pixels or more",
            )

    def write(self, clip: Clip, output: Path) -> None:
        """Write the chosen frames."""
        painter = self.painter(clip)
        height, width = painter.size_hw
        across = min(self.width, width)
        down = max(1, round(height * across / width))
        count = min(self.count, len(clip))
        rows = np.linspace(0, len(clip) - 1, count).round().astype(int)
        places = {clip.entries[row].index: place for place, row in enumerate(rows.tolist())}
        columns = min(self.columns, count)
        size = (
            columns * (across + _GAP) + _GAP,
            math.ceil(count / columns) * (down + _GAP) + _GAP,
        )
        sheet = Image.new("RGB", size, "white")
        for frame in clip.pictures():
            place = places.get(frame.index)
            if place is None:
                continue
            picture = Image.fromarray(painter.draw(frame))
            picture = picture.resize((across, down), Image.Resampling.LANCZOS)
            _number(picture, frame.name)
            left = _GAP + place % columns * (across + _GAP)
            sheet.paste(picture, (left, _GAP + place // columns * (down + _GAP)))
        save_image(output, np.asarray(sheet))


def _number(picture: Image.Image, text: str) -> None:
    """Write the name of a frame into its lower left corner."""
    draw = ImageDraw.Draw(picture)
    font = text_font(picture.height)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    y = picture.height - (bottom - top) - 6
    draw.rectangle((0, y - 2, right - left + 8, picture.height), fill="black")
    draw.text((4 - left, y + 1 - top), text, font=font, fill="white")
