"""The ViT of DINOv2 and DINOv3: tensors in, tensors out.

Names of weights are those of DINOv2's published files. DINOv2 (arXiv 2304.07193) adds position
embeddings, which are interpolated to the picture's grid, with registers (arXiv 2309.16588) or
without; DINOv3 (arXiv 2508.10104) rotates queries and keys by position instead. Gated MLPs, which
the largest models have, are not among them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD_WIDTH = 64
"""Channels of each attention head, in all published sizes."""
_ROPE_BASE = 100.0
_GRID_OFFSET = 0.1


@dataclass(frozen=True, slots=True)
class DinoShape:
    """How large a network is, and of which kind; produced by `encoders.formats`.

    ``grid`` is the side of the grid of its position embeddings, 0 for DINOv3, which has none;
    ``registers`` counts its register tokens.
    """

    generation: Literal["v2", "v3"]
    width: int
    depth: int
    patch: int
    grid: int
    registers: int
    mlp_width: int


class DinoViT(nn.Module):
    """A DINO network; see `encoders.load` for one with weights."""

    def __init__(self, shape: DinoShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        eps = 1e-6 if shape.generation == "v2" else 1e-5
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        if shape.registers:
            self.register_tokens = nn.Parameter(torch.zeros(1, shape.registers, width))
        if shape.grid:
            self.pos_embed = nn.Parameter(torch.zeros(1, 1 + shape.grid**2, width))
        self.patch_embed = nn.ModuleDict(
            {"proj": nn.Conv2d(3, width, kernel_size=shape.patch, stride=shape.patch)}
        )
        self.blocks = nn.ModuleList(_Block(width, shape.mlp_width, eps) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(width, eps=eps)

    def forward(self, images: Tensor) -> Tensor:
        """Encode (B, 3, H, W) images, sides multiples of the patch, in ImageNet's normalisation.

        Returns the normalised tokens of the last block's patches, (B, C, H / patch, W / patch).
        """
        cells: Tensor = self.patch_embed["proj"](images)  # (B, C, h, w)
        grid_hw = (cells.shape[2], cells.shape[3])
        patches = cells.flatten(2).transpose(1, 2)  # (B, h * w, C)
        first: Tensor = self.cls_token
        if self.shape.grid:
            patches = patches + self._positions(grid_hw)
            first = first + self.pos_embed[:, :1]
        prefix = [first, self.register_tokens] if self.shape.registers else [first]
        tokens = torch.cat([*(one.expand(len(images), -1, -1) for one in prefix), patches], dim=1)
        turns = None if self.shape.grid else rotations(grid_hw, tokens)
        for block in self.blocks:
            tokens = block(tokens, turns)
        encoded: Tensor = self.norm(tokens[:, 1 + self.shape.registers :])
        return encoded.transpose(1, 2).reshape(len(images), -1, *grid_hw)

    def _positions(self, grid_hw: tuple[int, int]) -> Tensor:
        """Interpolate the position embeddings to a grid: (1, h * w, C)."""
        side = self.shape.grid
        known = self.pos_embed[:, 1:].view(1, side, side, -1).permute(0, 3, 1, 2)  # (1, C, g, g)
        resized = interpolate_positions(known, grid_hw, smoothly=self.shape.registers > 0)
        return resized.flatten(2).transpose(1, 2)


def interpolate_positions(known: Tensor, grid_hw: tuple[int, int], *, smoothly: bool) -> Tensor:
    """Resize (1, C, g, g) position embeddings to a grid, (1, C, h, w), as they were published.

    ``smoothly`` is how models with registers do it: antialiased. Those without scale by
    (h + 0.1) / g, where the tenth guards the rounding of h; it shifts positions a little.
    """
    if known.shape[2:] == grid_hw:
        return known
    if smoothly:
        return F.interpolate(known.float(), grid_hw, mode="bicubic", antialias=True).to(known.dtype)
    factors = [(cells + _GRID_OFFSET) / known.shape[2] for cells in grid_hw]
    resized = F.interpolate(known.float(), scale_factor=factors, mode="bicubic")
    assert resized.shape[2:] == grid_hw
    return resized.to(known.dtype)


def rotations(grid_hw: tuple[int, int], like: Tensor) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of the angles by which DINOv3 turns channels: (h * w, d) each.

    Centres of cells count from -1 to 1 over the picture; a quarter of the channels of a head turns
    at each of its frequencies with y, and another with x. Of ``like`` dtype and device are taken.
    """
    steps = torch.arange(HEAD_WIDTH // 4, dtype=torch.float32, device=like.device)
    periods = _ROPE_BASE ** (4 * steps / HEAD_WIDTH)
    axes = [
        2 * (torch.arange(cells, dtype=torch.float32, device=like.device) + 0.5) / cells - 1
        for cells in grid_hw
    ]
    centres = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, 1)  # (h w, 2)
    angles = (2 * math.pi * centres[:, :, None] / periods).flatten(1).tile(2)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


class _Block(nn.Module):
    def __init__(self, width: int, mlp_width: int, eps: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.attn = _Attention(width)
        self.ls1 = _LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=eps)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, mlp_width), "fc2": nn.Linear(mlp_width, width)}
        )
        self.ls2 = _LayerScale(width)

    def forward(self, tokens: Tensor, turns: tuple[Tensor, Tensor] | None) -> Tensor:
        tokens = tokens + self.ls1.gamma * self.attn(self.norm1(tokens), turns)
        hidden = F.gelu(self.mlp["fc1"](self.norm2(tokens)))
        out: Tensor = tokens + self.ls2.gamma * self.mlp["fc2"](hidden)
        return out


class _LayerScale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, turns: tuple[Tensor, Tensor] | None) -> Tensor:
        projected = self.qkv(tokens).view(*tokens.shape[:2], 3, -1, HEAD_WIDTH)
        query, key, value = projected.permute(2, 0, 3, 1, 4)  # (B, heads, T, d) each
        if turns is not None:
            query, key = (_turned(one, turns) for one in (query, key))
        attended = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return out


def _turned(heads: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Turn the channels of the patches, the last of (B, heads, T, d) tokens, by their angles."""
    cosine, sine = turns
    others = heads.shape[2] - len(cosine)
    patches = heads[:, :, others:]
    first, second = patches.chunk(2, dim=-1)
    turned = patches * cosine + torch.cat([-second, first], dim=-1) * sine
    return torch.cat([heads[:, :, :others], turned], dim=2)
