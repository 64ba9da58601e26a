"""PerSAM's additions to SAM's decoder, written out on segment_anything's own modules."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn


class GuidedAttention(nn.Module):
    """segment_anything's attention, written out, with eq. 8 after the softmax."""

    def __init__(self, attention: Any, guide: torch.Tensor) -> None:
        super().__init__()
        self.attention, self.guide = attention, guide

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> Any:
        """Attend with (1, T, C) queries."""
        heads = self.attention.num_heads
        q = self.attention._separate_heads(self.attention.q_proj(q), heads)
        k = self.attention._separate_heads(self.attention.k_proj(k), heads)
        v = self.attention._separate_heads(self.attention.v_proj(v), heads)
        weights = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]), dim=-1)
        weights = torch.softmax(weights + self.guide, dim=-1)
        return self.attention.out_proj(self.attention._recombine_heads(weights @ v))


class UpstreamTransformer(nn.Module):
    """The transformer of the upstream photo program: a target's mean is added all over.

    Before each block to the queries, from the first one on to the positions as well, since it is
    done in place there; and to the last query.
    """

    def __init__(self, transformer: Any, guide: torch.Tensor, semantic: torch.Tensor) -> None:
        super().__init__()
        self.transformer, self.semantic = transformer, semantic
        for block in transformer.layers:
            attention = block.cross_attn_token_to_image
            block.cross_attn_token_to_image = GuidedAttention(attention, guide)

    def forward(
        self, image: torch.Tensor, image_places: torch.Tensor, tokens: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Run both blocks and the final attention, as segment_anything's transformer does."""
        keys, key_places = (x.flatten(2).permute(0, 2, 1) for x in (image, image_places))
        places = tokens + self.semantic
        queries = places
        for number, block in enumerate(self.transformer.layers):
            if number:
                queries = queries + self.semantic
            queries, keys = block(queries=queries, keys=keys, query_pe=places, key_pe=key_places)
        last = queries + places + self.semantic
        final = self.transformer
        queries = queries + final.final_attn_token_to_image(q=last, k=keys + key_places, v=keys)
        return final.norm_final_attn(queries), keys


def upstream_decoder(mask_decoder: Any, guide: torch.Tensor, semantic: torch.Tensor) -> Any:
    """A copy of segment_anything's decoder with (h * w,) guide and (C,) semantic prompt."""
    changed = copy.deepcopy(mask_decoder)
    changed.transformer = UpstreamTransformer(changed.transformer, guide, semantic)
    return changed
