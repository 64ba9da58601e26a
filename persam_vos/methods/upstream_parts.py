"""What the upstream programs for videos and for photos share, to the letter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from ..geometry import Geometry, normalise_and_pad
from ..stages import decode, prompts
from ..structures import Box, Prompts


def target_cells(
    features: torch.Tensor, mask: np.ndarray, geometry: Geometry, *, mask_value: int
) -> torch.Tensor:
    """Take the features of the cells under a mask, (n, C), as the upstream programs do.

    ``features`` is (1, C, h, w), ``mask`` (H, W) bool. The mask, a picture whose first channel has
    ``mask_value`` inside, is resized and colour-normalised as a photo is; its positive cells count.
    Where there is none, the best one does.
    """
    picture = np.zeros((*mask.shape, 3), dtype=np.uint8)
    picture[..., 0] = mask * np.uint8(mask_value)
    resized = torch.from_numpy(geometry.resize(picture)).to(features.device)
    padded = normalise_and_pad(resized[None])
    grid = F.interpolate(padded, size=features.shape[-2:], mode="bilinear")[0, 0]
    cells = grid > 0
    if not cells.any():
        cells = grid == grid.max()
    return features[0].permute(1, 2, 0)[cells]


def similarity_map(
    vector: torch.Tensor, features: torch.Tensor, geometry: Geometry
) -> torch.Tensor:
    """Compare a (C,) vector with (1, C, h, w) features, and scale that to the picture: (H, W)."""
    cells = features[0].flatten(1)  # (C, h*w)
    found = vector @ (cells / cells.norm(dim=0, keepdim=True))
    grid = found.reshape(1, 1, *features.shape[-2:])
    upsampled = F.interpolate(grid, scale_factor=4, mode="bilinear")
    return geometry.logits_to_image(upsampled[0])[0]


def pixel_of(place: torch.Tensor, picture: torch.Tensor) -> tuple[float, float]:
    """Return the xy of a flat index into an (H, W) picture."""
    width = picture.shape[1]
    return float(int(place) % width), float(int(place) // width)


def predictor_prompts(
    geometry: Geometry,
    device: torch.device,
    points: Sequence[prompts.Token],
    box: Box | None = None,
) -> Prompts:
    """Make the prompts of one object as SAM's predictor does of points and a box in image pixels.

    Without a box, SAM's padding point is added.
    """
    xy, labels = prompts.stack_tokens([points], device)
    corners = torch.tensor([box or (0, 0, 0, 0)], dtype=torch.float32, device=device)
    valid = torch.tensor([box is not None], device=device)
    base = Prompts(geometry.points_to_input(xy), labels)
    return decode.with_boxes(base, geometry.boxes_to_input(corners), valid)


def box_of_logits(logits: torch.Tensor) -> Box | None:
    """Box the positive part of full-resolution (H, W) logits."""
    return prompts.box_of((logits > 0).cpu().numpy())
