"""What cells of pictures are compared by, in whatever video or photo they are.

The memory compares frames of one clip, in directions that it finds for the clip; these features
need none. The encoder's neck, or another encoder in its place, finds what is alike, wherever it is:
it counts most. Its earlier layer
and the colours tell whether that is the very object, since a look-alike has another surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..methods.memory.features import COLOUR_DIMENSIONS, colour_angles, unit_rows
from ..structures import Encoded

S8_CELL = 8  # input pixels
_LAYER_WEIGHT = 0.5  # of the earlier layer; the neck has 1
_COLOUR_WEIGHT = 0.1  # of a similarity


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of n cells' features, each row of norm 1: (n, C), (n, C') and (n, 6).

    ``layer`` is the neck where the encoder has no earlier layer.
    """

    neck: torch.Tensor
    layer: torch.Tensor
    colours: torch.Tensor


def feature_widths(encoded: Encoded) -> tuple[int, int, int]:
    """Return how many numbers of a cell's features are from neck, layer and colours."""
    layer, neck = encoded.layer_s8, encoded.matching
    neck = encoded.features if neck is None else neck
    return neck.shape[1], 0 if layer is None else layer.shape[1], COLOUR_DIMENSIONS


def cell_features(encoded: Encoded) -> torch.Tensor:
    """Return the features of a frame's cells of stride 8, (2h, 2w, D) float32, each of norm 1.

    The frame has (h, w) cells of stride 16.
    """
    height, width = (2 * side for side in encoded.features.shape[-2:])
    neck = encoded.matching
    if neck is None:
        neck = F.interpolate(
            encoded.features.float(), (height, width), mode="bilinear", align_corners=False
        )
    rows = unit_rows(neck)
    if encoded.layer_s8 is not None:
        rows = torch.cat([rows, unit_rows(encoded.layer_s8) * _LAYER_WEIGHT**0.5], dim=1)
    colours = colour_angles(F.avg_pool2d(encoded.colours.float(), 4))
    joined = torch.cat(
        [
            F.normalize(rows, dim=1) * (1 - _COLOUR_WEIGHT) ** 0.5,
            colours * _COLOUR_WEIGHT**0.5,
        ],
        dim=1,
    )
    return joined.view(height, width, -1)


def parts_of(features: torch.Tensor, widths: tuple[int, int, int]) -> Parts:
    """Take (n, D) features of cells apart."""
    neck, layer, colours = (
        F.normalize(part, dim=1) for part in torch.split(features, [*widths], dim=1)
    )
    return Parts(neck, layer if layer.shape[1] else neck, colours)


def coarser(features: torch.Tensor) -> torch.Tensor:
    """Average (2h, 2w, D) features of stride 8 to cells of stride 16: (h, w, D), of norm 1."""
    height, width = (side // 2 for side in features.shape[:2])
    quarters = features.view(height, 2, width, 2, -1)
    return F.normalize(quarters.mean((1, 3)), dim=-1)
