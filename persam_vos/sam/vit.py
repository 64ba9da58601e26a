"""Encode the top left of SAM's square with its ViT: the picture alone, without the padding.

The modules and weights are ``segment_anything``'s ``ImageEncoderViT``. Absolute positions are those
of the part; relative ones do not change, so that on the whole square the result is the module's.
At the part's lower and right edge windows are filled with nothing instead of padding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .modules import ViT, ViTAttention, ViTBlock


def encode_part(encoder: ViT, images: Tensor) -> Tensor:
    """Encode (B, 3, H, W) images, both sides multiples of 16 and at most the square's.

    Returns (B, 256, H/16, W/16).
    """
    x: Tensor = encoder.patch_embed(images)  # (B, h, w, C)
    x = x + encoder.pos_embed[:, : x.shape[1], : x.shape[2]]
    for block in encoder.blocks:
        x = _through(block, x)
    features: Tensor = encoder.neck(x.permute(0, 3, 1, 2))
    return features


def _through(block: ViTBlock, x: Tensor) -> Tensor:
    """Run a block, whose attention is global or in windows, on (B, h, w, C) cells."""
    cells = block.norm1(x)
    if block.window_size:
        windows = _windows(cells, block.window_size)
        attended = _joined(_attend(block.attn, windows), cells.shape)
    else:
        attended = _attend(block.attn, cells)
    x = x + attended
    out: Tensor = x + block.mlp(block.norm2(x))
    return out


def _windows(cells: Tensor, side: int) -> Tensor:
    """Cut (B, h, w, C) cells into windows, filled up with zeros: (B * windows, side, side, C)."""
    batch, height, width, channels = cells.shape
    filled = F.pad(cells, (0, 0, 0, -width % side, 0, -height % side))
    rows, columns = (extent // side for extent in filled.shape[1:3])
    grid = filled.view(batch, rows, side, columns, side, channels)
    return grid.transpose(2, 3).reshape(-1, side, side, channels)


def _joined(windows: Tensor, shape: torch.Size) -> Tensor:
    """Undo `_windows`; ``shape`` is that of the cells."""
    batch, height, width, channels = shape
    side = windows.shape[1]
    rows, columns = (-(-extent // side) for extent in (height, width))
    grid = windows.view(batch, rows, columns, side, side, channels).transpose(2, 3)
    return grid.reshape(batch, rows * side, columns * side, channels)[:, :height, :width]


def _attend(attention: ViTAttention, cells: Tensor) -> Tensor:
    """Let (B, h, w, C) cells attend to each other, with decomposed relative positions."""
    batch, height, width = cells.shape[:3]
    heads = attention.num_heads
    projected = attention.qkv(cells).view(batch, height * width, 3, heads, -1)
    query, key, value = projected.permute(2, 0, 3, 1, 4)  # (B, heads, h w, d) each
    grid_query = query.reshape(batch, heads, height, width, -1)
    by_row = torch.einsum("bnhwd,hkd->bnhwk", grid_query, _offsets(attention.rel_pos_h, height))
    by_column = torch.einsum("bnhwd,wkd->bnhwk", grid_query, _offsets(attention.rel_pos_w, width))
    bias = by_row[..., None] + by_column[..., None, :]  # (B, heads, h, w, h, w)
    attended = F.scaled_dot_product_attention(
        query, key, value, attn_mask=bias.reshape(batch, heads, height * width, -1)
    )
    out: Tensor = attention.proj(attended.transpose(1, 2).reshape(cells.shape))
    return out


def _offsets(table: Tensor, size: int) -> Tensor:
    """Look up the positions of ``size`` cells relative to each other: (size, size, d).

    The middle row of the (2 n - 1, d) ``table`` is that of a cell to itself.
    """
    steps = torch.arange(size, device=table.device)
    return table[steps[:, None] - steps + len(table) // 2]
