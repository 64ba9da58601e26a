"""Photo and mask, turned into what is trained on by one and the same geometry.

As diffusers' script does it: the short side becomes the resolution, a square is cropped at random
or at the centre. As the crop has the whole short side, it moves along the long side alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from ..structures import RgbImage

SoftMask = npt.NDArray[np.float32]
"""(H, W) float32 in [0, 1]: how much each pixel teaches."""
LATENT_CELL_PX = 8
"""Side of a latent's cell of Stable Diffusion and SDXL, in pixels of the crop."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a square crop lies in a resized photo; produced by `draw_placement`.

    ``top`` and ``left`` are in pixels of the resized photo; ``flip`` mirrors the crop.
    """

    top: int
    left: int
    flip: bool = False


def resized_hw(size_hw: tuple[int, int], resolution: int) -> tuple[int, int]:
    """Return the size of a photo whose short side becomes ``resolution``, as torchvision's Resize.

    >>> resized_hw((600, 803), 512), resized_hw((803, 600), 512)
    ((512, 685), (685, 512))
    """
    height, width = size_hw
    long = int(resolution * max(size_hw) / min(size_hw))
    return (long, resolution) if height > width else (resolution, long)


def resize_photo(image: RgbImage, size_hw: tuple[int, int]) -> RgbImage:
    """Resize (H, W, 3) uint8 RGB by Pillow's bilinear filter, which averages when it shrinks."""
    resized = Image.fromarray(image).resize(size_hw[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized)


def resize_mask(mask: SoftMask, size_hw: tuple[int, int]) -> SoftMask:
    """Resize (H, W) float32 by the filter of `resize_photo`."""
    resized = Image.fromarray(mask).resize(size_hw[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32).clip(0, 1)


def dilate(mask: SoftMask, radius_px: int) -> SoftMask:
    """Grow a mask by a disc of that radius, in pixels; of soft masks each level grows."""
    if not radius_px:
        return mask
    side = 2 * radius_px + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask, disc), np.float32)


def draw_placement(
    mask: SoftMask,
    resolution: int,
    generator: torch.Generator,
    *,
    center: bool = False,
    random_flip: bool = False,
    least_px: float = LATENT_CELL_PX**2,
) -> Placement:
    """Draw where to crop a square of ``resolution`` from a resized photo, by its (H, W) mask.

    Crops that show less of the subject than ``least_px`` pixels of it are not drawn: all others are
    equally likely, as if a crop without the subject were drawn anew. If all show less, those that
    show most are left. ``center`` takes the crop nearest to the centre, ``random_flip`` mirrors one
    in two. Two numbers are drawn from ``generator``, whatever is asked for.
    """
    height, width = mask.shape
    lines = mask.sum(axis=0 if width > height else 1, dtype=np.float64)
    before = np.concatenate([[0.0], lines.cumsum()])
    shown_px = before[resolution:] - before[:-resolution]
    starts = np.flatnonzero(shown_px >= min(least_px, float(shown_px.max())))
    place, coin = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
    if center:
        middle = round((max(height, width) - resolution) / 2)
        start = int(starts[np.abs(starts - middle).argmin()])
    else:
        start = int(starts[int(place * len(starts))])
    top, left = (0, start) if width > height else (start, 0)
    return Placement(top, left, random_flip and coin < 0.5)


def crop_pixels(image: RgbImage, resolution: int, place: Placement) -> torch.Tensor:
    """Return the crop of a resized photo, (3, R, R) float32 in [-1, 1]."""
    crop = _cropped(image, resolution, place).transpose(2, 0, 1)
    return torch.from_numpy(crop.astype(np.float32)) / 127.5 - 1


def crop_mask(mask: SoftMask, resolution: int, place: Placement) -> torch.Tensor:
    """Return the crop of a resized mask, (1, R, R) float32 in [0, 1]."""
    return torch.from_numpy(_cropped(mask, resolution, place)[None].copy())


def latent_mask(mask: torch.Tensor, latent_hw: tuple[int, int]) -> torch.Tensor:
    """Return masks (B, 1, R, R) at the size of latents, (B, 1, h, w): means over their cells.

    ``latent_hw`` is taken from what was encoded. Thin parts keep their share: a pole that is 2
    pixels wide in cells of 8 weighs a quarter there.
    """
    return F.adaptive_avg_pool2d(mask, latent_hw)


def _cropped(
    pixels: npt.NDArray[np.generic], resolution: int, place: Placement
) -> npt.NDArray[np.generic]:
    rows = slice(place.top, place.top + resolution)
    crop = pixels[rows, place.left : place.left + resolution]
    return crop[:, ::-1] if place.flip else crop
