"""What we use of ``segment_anything``'s modules, written down: names, and nothing else.

The package carries no types for what its modules contain. These protocols say which of their parts
`persam_vos.sam.decoder` walks; shapes are those of SAM, where C = 256 channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from torch import Tensor, nn


class Attention(Protocol):
    """``transformer.Attention``: q, k and v are projected to ``num_heads`` x d channels."""

    num_heads: int
    q_proj: nn.Linear
    k_proj: nn.Linear
    v_proj: nn.Linear
    out_proj: nn.Linear


class Block(Protocol):
    """``transformer.TwoWayAttentionBlock``."""

    skip_first_layer_pe: bool
    self_attn: Attention
    norm1: nn.LayerNorm
    cross_attn_token_to_image: Attention
    norm2: nn.LayerNorm
    mlp: nn.Module
    norm3: nn.LayerNorm
    cross_attn_image_to_token: Attention
    norm4: nn.LayerNorm


class ChannelNorm(Protocol):
    """``common.LayerNorm2d``: each cell's channels are normalised."""

    weight: Tensor
    bias: Tensor
    eps: float


class Transformer(Protocol):
    """``transformer.TwoWayTransformer``."""

    @property
    def layers(self) -> Iterable[Block]:
        """The two blocks."""

    final_attn_token_to_image: Attention
    norm_final_attn: nn.LayerNorm


Upscaling = tuple[nn.ConvTranspose2d, ChannelNorm, nn.Module, nn.ConvTranspose2d, nn.Module]


class MaskDecoder(Protocol):
    """``mask_decoder.MaskDecoder``."""

    transformer: Transformer
    iou_token: nn.Embedding
    mask_tokens: nn.Embedding
    output_hypernetworks_mlps: nn.ModuleList
    iou_prediction_head: nn.Module

    @property
    def output_upscaling(self) -> Upscaling:
        """The layers in their order."""


class PositionEmbedding(Protocol):
    """``prompt_encoder.PositionEmbeddingRandom``; its matrix is (2, C / 2)."""

    positional_encoding_gaussian_matrix: Tensor


class PromptEncoder(Protocol):
    """``prompt_encoder.PromptEncoder``; ``point_embeddings`` are those of the labels 0 to 3."""

    input_image_size: tuple[int, int]
    image_embedding_size: tuple[int, int]
    pe_layer: PositionEmbedding
    not_a_point_embed: nn.Embedding
    mask_downscaling: nn.Sequential
    no_mask_embed: nn.Embedding

    @property
    def point_embeddings(self) -> Iterable[nn.Embedding]:
        """One embedding a label."""


class ViTAttention(Protocol):
    """``image_encoder.Attention``; its tables of relative positions are (2 n - 1, d)."""

    num_heads: int
    qkv: nn.Linear
    proj: nn.Linear
    rel_pos_h: Tensor
    rel_pos_w: Tensor


class ViTBlock(Protocol):
    """``image_encoder.Block``; attention is global where ``window_size`` is 0."""

    window_size: int
    norm1: nn.LayerNorm
    attn: ViTAttention
    norm2: nn.LayerNorm
    mlp: nn.Module


class ViT(Protocol):
    """``image_encoder.ImageEncoderViT``; ``pos_embed`` is (1, 64, 64, C)."""

    patch_embed: nn.Module
    pos_embed: Tensor
    neck: nn.Sequential

    @property
    def blocks(self) -> Iterable[ViTBlock]:
        """The blocks in their order."""
