"""Features of another encoder, at the cells of the grid that pictures are compared on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from ..structures import Encoded, RgbImage
from .dino_vit import DinoViT

CELLS = 64
"""Of the encoder on the long side of a picture, as SAM has them."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of colours in [0, 1]


@dataclass(frozen=True, slots=True)
class GridEncoder:
    """A DINO network that describes the cells of SAM's grid; ``facts`` say which one it is."""

    network: DinoViT
    facts: Mapping[str, str] = field(default_factory=dict)

    @torch.inference_mode()
    def features(self, image: RgbImage) -> torch.Tensor:
        """Encode an (H, W, 3) uint8 RGB picture, whatever its size: (1, C, h, w) float32.

        The long side has `CELLS` cells, and the short one as many as fit its aspect, one at least.
        """
        weight = next(self.network.parameters())
        height, width = image.shape[:2]
        scale = CELLS / max(height, width)
        patch = self.network.shape.patch
        size = [max(1, round(side * scale)) * patch for side in (height, width)]
        pixels = torch.from_numpy(image.copy()).to(weight.device).permute(2, 0, 1)[None].float()
        pixels = F.interpolate(pixels / 255, size, mode="bilinear", antialias=True)
        mean, std = (pixels.new_tensor(one).view(1, 3, 1, 1) for one in (_MEAN, _STD))
        encoded: torch.Tensor = self.network(((pixels - mean) / std).to(weight.dtype))
        return encoded.float()

    def on_grid(self, encoded: Encoded) -> torch.Tensor:
        """Describe a frame's cells of stride 8, of SAM's input: (1, C, 2h, 2w) float32.

        Cells take what lies at their centre, between the encoder's own; those in the padding take
        what is at the edge of the picture.
        """
        found = self.features(encoded.frame.image)
        axes = []
        for cells, side in zip(encoded.features.shape[-2:], encoded.input_hw, strict=True):
            centres = (torch.arange(2 * cells, device=found.device) + 0.5) * 8  # input pixels
            axes.append(2 * centres / side - 1)  # -1 and 1 are the edges of the picture
        y, x = torch.meshgrid(*axes, indexing="ij")
        grid = torch.stack([x, y], dim=-1)[None]
        return F.grid_sample(found, grid, padding_mode="border", align_corners=False)
