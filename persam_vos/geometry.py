"""The map between a picture and the network's square input, as ``segment_anything`` has it.

The picture is scaled so that its long side is ``image_size``, put at the top left, and the rest of
the square is padded with zeros after the colour normalisation. Of the padding, only what fills the
last row and column of patches has to be encoded: the rest of the square can be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from .structures import RgbImage

PIXEL_MEAN = (123.675, 116.28, 103.53)  # segment_anything.build_sam
PIXEL_STD = (58.395, 57.12, 57.375)
IMAGE_SIZE = 1024  # long side of the pictures that SAM was trained on, in input pixels
PATCH = 16  # input pixels per cell of the features, for all of SAM's encoders
LOGIT_CELL = 4  # input pixels per mask logit
COLOUR_CELL = 2  # input pixels per cell of colour
_TOLD_APART = 1000  # pixels of depth up to which squares of OpenCV's are off by less than a half

_Weights = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of one picture and of its place in the input square; all sizes are (height, width)."""

    size_hw: tuple[int, int]
    image_size: int = IMAGE_SIZE

    def __post_init__(self) -> None:
        if min(self.size_hw) < 1 or self.image_size < 1:
            raise ValueError(f"Geometry: got {self.size_hw} in {self.image_size}, expected >= 1")

    @property
    def scale(self) -> float:
        """Input pixels per image pixel."""
        return self.image_size / max(self.size_hw)

    @property
    def input_hw(self) -> tuple[int, int]:
        """Size of the scaled picture, rounded as ``ResizeLongestSide.get_preprocess_shape``."""
        height, width = (max(1, int(side * self.scale + 0.5)) for side in self.size_hw)
        return height, width

    @property
    def patches_hw(self) -> tuple[int, int]:
        """Size of the scaled picture, filled up to whole patches."""
        height, width = (-(-side // PATCH) * PATCH for side in self.input_hw)
        return height, width

    def resize(self, image: RgbImage) -> RgbImage:
        """Scale an image, (H, W, 3) uint8, to ``input_hw``: Pillow's antialiased bilinear.

        The same pixels as ``ResizeLongestSide.apply_image``, which calls Pillow by way of
        torchvision.
        """
        height, width = self.input_hw
        picture = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
        return np.array(picture)  # a writable copy, which torch wants

    def resize_tensor(self, pixels: Tensor) -> Tensor:
        """Scale (H, W, 3) uint8 to (3, *input_hw) of whole levels, on its device.

        At most a level beside `resize`, and on CPUs three times as fast.
        """
        planes = pixels.permute(2, 0, 1)[None]
        if pixels.is_cuda:  # which scales floating-point numbers only
            planes = planes.float()
        scaled = F.interpolate(
            planes, self.input_hw, mode="bilinear", antialias=True, align_corners=False
        )
        return scaled[0].round() if pixels.is_cuda else scaled[0]

    def points_to_input(self, xy: Tensor) -> Tensor:
        """Map points, (..., 2) as (x, y), from image pixels to input pixels, in floating point.

        Each axis has its own factor, new size over old, as ``ResizeLongestSide.apply_coords``.
        """
        factors = [new / old for new, old in zip(self.input_hw, self.size_hw, strict=True)]
        xy = xy if xy.is_floating_point() else xy.float()
        return xy * xy.new_tensor(factors[::-1])

    def boxes_to_input(self, boxes_xyxy: Tensor) -> Tensor:
        """Map boxes, (..., 4) as (x0, y0, x1, y1), from image pixels to input pixels."""
        corners = boxes_xyxy.reshape(*boxes_xyxy.shape[:-1], 2, 2)
        return self.points_to_input(corners).flatten(-2)

    def logits_to_image(self, low_res: Tensor) -> Tensor:
        """Scale mask logits of the square or its top left, (N, h, w), to the picture: (N, H, W).

        Equals ``Sam.postprocess_masks``: bilinear to the input, crop, bilinear to the picture.
        """
        rows, columns = self.logit_weights(low_res)
        return rows @ low_res @ columns.T

    def logit_weights(self, low_res: Tensor) -> _Weights:
        """Return how much each cell of (N, h, w) counts for each pixel: (H, h) and (W, w).

        Both steps of `logits_to_image` are linear and work on rows and columns alike, so that
        ``rows @ logits @ columns.T`` does them at once, for any part of the picture.
        """
        grid_hw = (low_res.shape[1], low_res.shape[2])
        return _cell_weights(self, grid_hw, LOGIT_CELL, low_res.device)

    def colour_weights(self, device: torch.device) -> _Weights:
        """Return the same for cells of colour that have some of the picture: (H, h) and (W, w)."""
        height, width = (-(-side // COLOUR_CELL) for side in self.input_hw)
        return _cell_weights(self, (height, width), COLOUR_CELL, device)


@lru_cache(maxsize=16)
def _cell_weights(
    geometry: Geometry, grid_hw: tuple[int, int], cell: int, device: torch.device
) -> _Weights:
    sizes = zip(grid_hw, geometry.input_hw, geometry.size_hw, strict=True)
    rows, columns = (_axis_weights(*axis, cell).to(device) for axis in sizes)
    return rows, columns


def _axis_weights(cells: int, input_pixels: int, pixels: int, cell: int) -> Tensor:
    """Interpolate each cell alone along one axis: (pixels, cells)."""
    alone = torch.eye(cells)[None]  # (1, cells, cells)
    scaled = F.interpolate(alone, scale_factor=cell, mode="linear", align_corners=False)
    image = F.interpolate(scaled[..., :input_pixels], pixels, mode="linear", align_corners=False)
    return image[0].T.contiguous()


def normalise_and_pad(images: Tensor, padded_hw: tuple[int, int] = (1024, 1024)) -> Tensor:
    """Normalise the colours of scaled pictures and pad them to the square, or to less of it.

    ``images`` has levels of 0 to 255, (B, H', W', 3) or (B, 3, H', W'), at most ``padded_hw``.
    Returns (B, 3, *padded_hw) float32 on the same device, channels last in memory. Raises
    ValueError for another shape. As ``Sam.preprocess``.
    """
    if images.ndim == 4 and images.shape[-1] == 3:
        images = images.permute(0, 3, 1, 2)  # (B, 3, H', W')
    fits = all(side <= limit for side, limit in zip(images.shape[2:], padded_hw, strict=False))
    if images.ndim != 4 or images.shape[1] != 3 or not fits:
        raise ValueError(
            f"normalise_and_pad: got {tuple(images.shape)}, expected 3 channels and sides of at "
            f"most {padded_hw}"
        )
    height, width = images.shape[2:]
    padded = torch.zeros((len(images), *padded_hw, 3), device=images.device).permute(0, 3, 1, 2)
    padded[:, :, :height, :width] = normalise(images)
    return padded


def normalise(pixels: Tensor) -> Tensor:
    """Normalise the colours of (..., 3, H, W) RGB, levels of 0 to 255, for SAM; float32."""
    mean, std = _colour_scale(pixels.device)
    return (pixels.float() - mean) / std


@lru_cache(maxsize=16)  # more devices than a machine has: what a graph reads stays
def _colour_scale(device: torch.device) -> tuple[Tensor, Tensor]:
    mean, std = (
        torch.tensor(values, device=device).view(3, 1, 1) for values in (PIXEL_MEAN, PIXEL_STD)
    )
    return mean, std


def extents(inside: Tensor) -> Tensor:
    """Return the extent of (N, h, w) bool masks: (N, 4) int64 as top, bottom, left, right.

    Bottom and right are one beyond the last true cell. An empty mask has the extent of the whole
    grid. Stays on the device.
    """
    values = inside.view(torch.uint8)  # CPUs find the largest eight times as fast as whether any is
    rows, columns = values.amax(2).int(), values.amax(1).int()  # (N, h), (N, w)
    spans = ((line.argmax(1), line.shape[1] - line.flip(1).argmax(1)) for line in (rows, columns))
    return torch.stack([end for span in spans for end in span], dim=1)


def depth_of(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return how far each pixel of an (H, W) mask is from the nearest outside of it, in pixels.

    Beyond the picture is outside, too. OpenCV's distances differ in their last bit by where in
    memory the mask lies, so that which pixel is the deepest would be chance; squared they are whole
    numbers, as long as a float can tell them apart.
    """
    padded = np.pad(mask, 1).view(np.uint8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    if depth.max(initial=0) > _TOLD_APART:
        from scipy import ndimage  # exact at any depth, in thirty times the time

        return np.asarray(ndimage.distance_transform_edt(padded)[1:-1, 1:-1], np.float32)
    return np.asarray(np.sqrt(np.rint(np.square(depth, dtype=np.float64))), np.float32)
