"""A video or folder for each object, which a smooth window follows."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ..errors import MediaError, UsageError
from ..media.video_writer import VideoWriter
from .alpha import alphas
from .clip import Clip, ClipFrame
from .colours import Values, values
from .crop_windows import CropWindows
from .exporter import option
from .pictures import save_image
from .png import save_png
from .rgba import with_alpha

_SIDES = (16, 4096)


@dataclass(frozen=True, kw_only=True)
class Crops:
    """Write ``ID.mp4``, or ``ID/NAME.png``, from the first to the last frame that shows the object.

    ``windows.csv`` has the window of each frame, in pixels of the picture. PNGs of a source of more
    than 8 bits have 16, with its primaries and transfer.
    """

    images: Literal["video", "jpg", "png"] = option("video", "an MP4 for each object, or images")
    size: int = option(0, "side in pixels; 0: that of the object's largest window")
    margin: float = option(0.15, "around the object, as a share of its longer side")
    background: Literal["keep", "black"] = option(
        "keep", "black hides all but the object; with images=png it is transparent"
    )

    suffix: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 5 or not (self.size == 0 or _SIDES[0] <= self.size <= _SIDES[1]):
            raise UsageError(
                "options size and margin",
                got=f"{self.size} and {self.margin:g}",
                expected=f"{_SIDES[0]} to {_SIDES[1]} pixels, or 0, and a margin from 0 to 5",
            )

    @property
    def soft(self) -> bool:
        """Whether soft masks are shown."""
        return self.background == "black"

    def write(self, clip: Clip, output: Path) -> None:
        """Write all frames."""
        windows = CropWindows(clip, margin=self.margin)
        if not windows.windows:
            raise MediaError(
                str(clip.folder), got="no object on any frame", expected="one that is visible"
            )
        with ExitStack() as stack:
            table = stack.enter_context((output / "windows.csv").open("w", encoding="utf-8"))
            table.write("frame,object_id,x,y,side\n")
            videos = {}
            for object_id in windows.windows:
                if self.images == "video":
                    side = self._side(windows, object_id)
                    info = replace(clip.info, size_hw=(side, side), has_audio=False)
                    path = output / f"{object_id}.mp4"
                    videos[object_id] = stack.enter_context(VideoWriter(path, info))
                else:
                    (output / str(object_id)).mkdir()
            source = clip.open_source(deep=self.images == "png")
            for frame in clip.pictures(source):
                found = alphas(clip, frame) if self.soft else {}
                for object_id, (first, last) in windows.spans.items():
                    if not first <= frame.index <= last:
                        continue
                    alpha = found.get(object_id, np.zeros(frame.labels.shape, np.uint8))
                    crop = self._crop(windows, frame, object_id, alpha)
                    table.write(windows.row(frame, object_id))
                    if object_id in videos:
                        videos[object_id].write(crop, frame.time_seconds, frame.duration_seconds)
                    elif self.images == "png":
                        path = output / str(object_id) / f"{frame.name}.png"
                        save_png(path, crop, source.info.colour)
                    else:
                        save_image(output / str(object_id) / f"{frame.name}.jpg", crop)

    def _side(self, windows: CropWindows, object_id: int) -> int:
        return self.size or windows.side(object_id)

    def _crop(
        self,
        windows: CropWindows,
        frame: ClipFrame,
        object_id: int,
        alpha: npt.NDArray[np.uint8],
    ) -> Values:
        """Return the crop of an object, (side, side, 3), or with 4 channels if transparent."""
        side = self._side(windows, object_id)
        if not self.soft:
            return windows.crop(frame, values(frame.colours), object_id, side)
        if self.images == "png":
            pixels = with_alpha(frame.colours, alpha, premultiplied=False)
            return windows.crop(frame, pixels, object_id, side)
        pixels = with_alpha(frame.image, alpha, premultiplied=True)[..., :3]
        return windows.crop(frame, np.ascontiguousarray(pixels), object_id, side)
