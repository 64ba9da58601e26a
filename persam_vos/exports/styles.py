"""Ways to show objects on a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageDraw, ImageFont

from ..errors import UsageError
from ..media.overlay import draw_overlay, edge_rgb, palette_rgb
from ..structures import RgbImage
from .alpha import alphas, together
from .clip import Clip, ClipFrame
from .crop_windows import CropWindows
from .exporter import option

Style = Literal["fill", "contour", "ids", "cutout", "blur", "spotlight", "side-by-side", "crops"]
SOFT_STYLES = ("cutout", "blur", "spotlight")
_FILL = 0.5
_DIMMED = 0.35  # brightness of what the spotlight is not on
_BLUR_SHARE = 1 / 30  # of the picture's height, the blur's standard deviation
_TEXT_SHARE = 1 / 28  # of the picture's height, the size of text
_SMALLEST_TEXT = 10


@dataclass(frozen=True, kw_only=True)
class Styled:
    """Options of exports that show pictures."""

    style: Style = option(
        "fill",
        "tinted objects, outlines alone, ids and scores beside them, a cut-out on a colour, the "
        "background blurred or dimmed, source and overlay side by side, or a crop of each object",
    )
    colour: str = option("#00b140", "background of style=cutout: a name or #rrggbb")

    def __post_init__(self) -> None:
        background(self.colour)

    @property
    def soft(self) -> bool:
        """Whether soft masks are shown."""
        return self.style in SOFT_STYLES

    def painter(self, clip: Clip) -> Painter:
        """Return what draws the frames of a clip."""
        return Painter(clip, self.style, background(self.colour))


class Painter:
    """Draws frames of a clip in one style; all pictures are (H, W, 3) uint8 of ``size_hw``."""

    def __init__(self, clip: Clip, style: Style, colour: tuple[int, int, int]) -> None:
        self._clip = clip
        self._colour = colour
        self._windows = CropWindows(clip) if style == "crops" else None
        drawers: dict[Style, Callable[[ClipFrame], RgbImage]] = {
            "fill": self._fill,
            "contour": lambda frame: draw_overlay(frame.image, frame.labels, alpha=0),
            "ids": lambda frame: with_ids(self._fill(frame), frame),
            "cutout": self._cutout,
            "blur": self._blurred,
            "spotlight": self._spotlight,
            "side-by-side": lambda frame: np.hstack([frame.image, self._fill(frame)]),
            "crops": self._crops,
        }
        self.draw = drawers[style]
        height, width = clip.info.size_hw
        self.size_hw = (height, 2 * width) if style == "side-by-side" else (height, width)
        if self._windows is not None:
            self.size_hw = self._windows.grid_size_hw

    def _fill(self, frame: ClipFrame) -> RgbImage:
        return draw_overlay(frame.image, frame.labels, alpha=_FILL)

    def _cutout(self, frame: ClipFrame) -> RgbImage:
        ground = np.empty_like(frame.image)
        ground[:] = self._colour
        return self._over(frame, ground)

    def _spotlight(self, frame: ClipFrame) -> RgbImage:
        grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)[..., None]
        dimmed = _DIMMED * (0.5 * frame.image + 0.5 * grey)
        return self._over(frame, dimmed.astype(np.uint8))

    def _blurred(self, frame: ClipFrame) -> RgbImage:
        # Only the background is averaged, or the objects would shine into it.
        alpha = together(alphas(self._clip, frame), frame.labels.shape)
        weight = 1 - alpha.astype(np.float32) / 255
        sigma = max(1.0, frame.labels.shape[0] * _BLUR_SHARE)
        shown = cv2.GaussianBlur(frame.image * weight[..., None], (0, 0), sigma)
        share = np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)
        ground = np.clip(shown / share[..., None], 0, 255).astype(np.uint8)
        return blend(frame.image, ground, alpha)

    def _over(self, frame: ClipFrame, ground: RgbImage) -> RgbImage:
        alpha = together(alphas(self._clip, frame), frame.labels.shape)
        return blend(frame.image, ground, alpha)

    def _crops(self, frame: ClipFrame) -> RgbImage:
        assert self._windows is not None  # as the style is crops
        return self._windows.grid(frame)


def background(colour: str) -> tuple[int, int, int]:
    """Return the RGB of a colour's name or #rrggbb; raises UsageError."""
    try:
        red, green, blue = ImageColor.getrgb(colour)[:3]
    except ValueError:
        raise UsageError(
            "option colour", got=repr(colour), expected="a name such as white, or #rrggbb"
        ) from None
    return red, green, blue


def blend(image: RgbImage, ground: RgbImage, alpha: npt.NDArray[np.uint8]) -> RgbImage:
    """Return a picture over another, both (H, W, 3), by the coverage (H, W) of the first."""
    share = alpha[..., None].astype(np.uint16)
    mixed = image * share + ground * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)


def with_ids(image: RgbImage, frame: ClipFrame) -> RgbImage:
    """Return a picture with a tag of id and score at the top left of each object's box."""
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    font = text_font(image.shape[0])
    for one in frame.visible:
        assert one.box_xyxy is not None  # as it is visible
        x, y = one.box_xyxy[:2]
        text = f"{one.object_id}  {one.score:.2f}"
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        pad = max(2, round((bottom - top) / 4))
        width, height = right - left + 2 * pad, bottom - top + 2 * pad
        x = int(max(0, min(x, image.shape[1] - width)))
        y = int(max(0, y - height))
        colour = tuple(int(v) for v in palette_rgb()[0, one.object_id])
        dark = edge_rgb()[0, one.object_id, 0] == 0  # as the outlines of light colours are
        draw.rectangle((x, y, x + width, y + height), fill=colour)
        draw.text(
            (x + pad - left, y + pad - top), text, font=font, fill="black" if dark else "white"
        )
    return np.asarray(picture)


@lru_cache(maxsize=4)
def text_font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font for pictures of a height in pixels."""
    return ImageFont.load_default(size=max(_SMALLEST_TEXT, round(height * _TEXT_SHARE)))
