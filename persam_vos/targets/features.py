"""What cells of pictures are compared by, in whatever video or photo they are.

The memory compares frames of one clip, in directions that it finds for the clip; these features
need none. The encoder's neck counts most: it tells things apart wherever they are, while earlier
layers and colours change with light and place.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..methods.memory.features import colour_angles, unit_rows
from ..structures import Encoded

S8_CELL = 8  # input pixels
_LAYER_WEIGHT = 0.5  # of the earlier layer; the neck has 1
_COLOUR_WEIGHT = 0.1  # of a similarity


def cell_features(encoded: Encoded) -> torch.Tensor:
    """Return the features of a frame's cells of stride 8, (2h, 2w, D) float32, each of norm 1.

    The frame has (h, w) cells of stride 16.
    """
    height, width = (2 * side for side in encoded.features.shape[-2:])
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


def coarser(features: torch.Tensor) -> torch.Tensor:
    """Average (2h, 2w, D) features of stride 8 to cells of stride 16: (h, w, D), of norm 1."""
    height, width = (side // 2 for side in features.shape[:2])
    quarters = features.view(height, 2, width, 2, -1)
    return F.normalize(quarters.mean((1, 3)), dim=-1)
