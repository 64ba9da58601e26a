"""A part of the square through SAM's ViT, against ``segment_anything``'s own modules."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from persam_vos.sam.vendor import load_modeling
from persam_vos.sam.vit import encode_part


@pytest.fixture(scope="module")
def encoder() -> nn.Module:
    """A small ViT of a square of 20 x 20 cells, with a window block and a global one."""
    torch.manual_seed(0)
    small = load_modeling().ImageEncoderViT(
        img_size=320,
        depth=2,
        embed_dim=32,
        num_heads=2,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=14,
        global_attn_indexes=(1,),
    )
    for parameter in small.parameters():
        nn.init.normal_(parameter, std=0.3)
    frozen: nn.Module = small.eval().requires_grad_(False)
    return frozen


def images(height: int, width: int, count: int = 1) -> torch.Tensor:
    chance = torch.Generator().manual_seed(height + width)
    return torch.randn(count, 3, 16 * height, 16 * width, generator=chance)


def cut_down(encoder: Any, height: int, width: int) -> Any:
    """Give the package's module the positions of a part; its own code is what computes."""
    part = copy.deepcopy(encoder)
    part.pos_embed = nn.Parameter(part.pos_embed[:, :height, :width])
    whole = part.blocks[1].attn
    for name, size in (("rel_pos_h", height), ("rel_pos_w", width)):
        table = getattr(whole, name)
        middle = len(table) // 2
        setattr(whole, name, nn.Parameter(table[middle - size + 1 : middle + size]))
    return part


def test_the_whole_square_is_encoded_as_by_the_module(encoder: Any) -> None:
    square = images(20, 20, count=2)
    torch.testing.assert_close(encode_part(encoder, square), encoder(square), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(20, 9), (11, 20), (14, 14), (3, 17), (1, 1)])
def test_a_part_is_encoded_as_by_the_module_cut_down_to_it(
    encoder: Any, height: int, width: int
) -> None:
    part = images(height, width)
    expected = cut_down(encoder, height, width)(part)
    torch.testing.assert_close(encode_part(encoder, part), expected, rtol=0, atol=1e-4)
