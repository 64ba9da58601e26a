"""Random frames: no two of their cells are alike, so that there are no ties."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from persam_vos.methods.memory.features import FrameFeatures, to_quad_order
from persam_vos.methods.memory.readout import MemoryReader, new_reader
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy

_WIDTHS = (24, 12)  # of s8 and of s4 cells
_CHANCE = 0.6  # per dimension, beside features of the object, which have 1


def make_frame(
    seed: int, grid_hw: tuple[int, int], *, objects: int
) -> tuple[FrameFeatures, torch.Tensor]:
    """Make a frame with a rectangle for each object, and its (16 h w, 1 + N) soft masks."""
    chance = torch.Generator().manual_seed(seed)
    height, width = grid_hw
    masks = soft_masks(_rectangles(chance, grid_hw, objects), objects)
    masks_s8 = to_quad_order(masks, (4 * height, 4 * width)).view(4 * height * width, 4, -1).mean(1)
    s8 = _features(chance, to_quad_order(masks_s8, (2 * height, 2 * width)), _WIDTHS[0])
    s16 = F.normalize(s8.view(height * width, 4, -1).mean(1), dim=-1)
    s4 = _features(chance, masks, _WIDTHS[1]) * 0.5**0.5
    return FrameFeatures(s16, s8, s4, grid_hw), masks


def soft_masks(labels: torch.Tensor, objects: int) -> torch.Tensor:
    """Turn (4h, 4w) labels into masks, (16 h w, 1 + N), that are soft along boundaries alone."""
    hard = F.one_hot(labels, 1 + objects).permute(2, 0, 1).float()
    soft = F.avg_pool2d(hard, 3, stride=1, padding=1, count_include_pad=False)
    return soft.flatten(1).T


def hard_masks(soft: torch.Tensor) -> torch.Tensor:
    """Give each cell of (n, 1 + N) masks to whom it belongs most."""
    return F.one_hot(soft.argmax(1), soft.shape[1]).float()


def remember(
    grid_hw: tuple[int, int],
    *,
    objects: int,
    later: int,
    references: tuple[int, ...] = (0,),
    static: bool = False,
) -> MemoryReader:
    """Remember ``later`` frames after a first one; some of them are reference frames."""
    strategy = DenseStrategy() if static else SparseStrategy()
    memory = None
    for seed in range(1 + later):
        features, masks = make_frame(seed, grid_hw, objects=objects)
        memory = memory or new_reader(strategy, features, 1 + objects)
        memory.bank.add(features, masks)
        if seed in references:
            memory.bank.make_reference()
    assert memory is not None
    return memory


def _rectangles(chance: torch.Generator, grid_hw: tuple[int, int], objects: int) -> torch.Tensor:
    """Draw a rectangle of up to half the picture's sides for each object: (4h, 4w) labels."""
    labels = torch.zeros(4 * grid_hw[0], 4 * grid_hw[1], dtype=torch.int64)
    for label in range(1, 1 + objects):
        spans = []
        for side in labels.shape:
            start, size = torch.rand(2, generator=chance).tolist()
            spans.append(
                slice(int(start * side * 0.7), int(start * side * 0.7 + 2 + size * side / 2))
            )
        labels[spans[0], spans[1]] = label
    return labels


def _features(chance: torch.Generator, mask_probs: torch.Tensor, width: int) -> torch.Tensor:
    """Make (n, width) unit features that tell whose a cell is, as far as chance lets them."""
    signs = torch.randn(mask_probs.shape[-1], width, generator=torch.Generator().manual_seed(99))
    noise = torch.randn(len(mask_probs), width, generator=chance)
    return F.normalize(mask_probs @ signs + _CHANCE * noise, dim=-1)
