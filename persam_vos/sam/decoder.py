"""SAM's prompt encoder and mask decoder for any number of objects on one frame, in one batch.

The weights stay in ``segment_anything``'s own modules, which are used as they are; this file walks
them. What differs from their forward is the order of the arithmetic, not the result:

- The image side is shared: as long as no object brings a dense prompt, the first block reads one
  copy of the features for all objects.
- Cross attention never projects the image. With few tokens, ``(W_q t) . (W_k x)`` is cheaper as
  ``(W_k^T W_q t) . x``: per object, heads x tokens rows meet the 256 channels of each cell, and
  the values are projected after they are summed up.
- Upscaling is done cell by cell as matrix products, because a transposed convolution whose stride
  equals its kernel never mixes cells; only the finished masks are put in order.

Added to SAM: tokens that are absent (label -2), target-guided attention (PerSAM, eq. 8) and
target-semantic prompting (PerSAM, eq. 10), in both blocks but not in the final attention, as in
PerSAM's published code: a guided final attention levels the masks.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..structures import MaskCandidates, Prompts
from .modules import Attention, Block, MaskDecoder, PromptEncoder, Transformer

_ABSENT = -2  # the label of a token that is not there
_OUTPUT_TOKENS = 5  # the IoU token and four mask tokens, before the prompt tokens


def decode(
    prompt_encoder: PromptEncoder,
    mask_decoder: MaskDecoder,
    features: Tensor,
    prompts: Prompts,
    *,
    positions: Tensor | None = None,
) -> MaskCandidates:
    """Decode N >= 0 objects of one frame.

    ``features`` is (1, C, h, w), the top left part of the square's grid or all of it;
    ``positions`` the result of `grid_positions` for (h, w), made here when it is None. Or both are
    (N, C, h, w), of a part of the grid for each object. Nothing is appended to the prompts: SAM
    itself adds a padding point of label -1 to points without a box, so callers that want SAM's
    result give it explicitly; a box is two points of the labels 2 and 3. Point coordinates are
    pixels of the (padded) input.
    Computes in the precision of the weights. Returns all four masks, (N, 4, 4h, 4w) logits, and
    their predicted IoU, (N, 4), in float32.
    """
    height, width = features.shape[-2:]
    objects = len(prompts.points_xy)
    if objects == 0:
        return MaskCandidates(
            features.new_zeros((0, _OUTPUT_TOKENS - 1, 4 * height, 4 * width)),
            features.new_zeros((0, _OUTPUT_TOKENS - 1)),
        )
    if positions is None:
        positions = grid_positions(prompt_encoder, (height, width))
    dtype = mask_decoder.iou_token.weight.dtype
    sparse = _embed_points(prompt_encoder, prompts).to(dtype)
    prompts = prompts.to(dtype)
    tokens = torch.cat([_output_tokens(mask_decoder).expand(objects, -1, -1), sparse], dim=1)
    tokens, image = _transform(
        mask_decoder.transformer,
        tokens,
        _embed_image(prompt_encoder, features.to(dtype), prompts),
        positions.to(dtype).flatten(2).transpose(1, 2),  # (1 or N, h * w, C)
        prompts,
    )
    masks = _mask_logits(mask_decoder, tokens[:, 1:_OUTPUT_TOKENS], image, (height, width))
    return MaskCandidates(masks.float(), mask_decoder.iou_prediction_head(tokens[:, 0]).float())


def grid_positions(prompt_encoder: PromptEncoder, grid_hw: tuple[int, int]) -> Tensor:
    """Encode the centres of the cells at the top left of SAM's grid, as ``get_dense_pe``.

    Returns (1, C, h, w) float32. A cell has the position that it has on the whole square.
    """
    matrix = prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    y, x = (
        (torch.arange(cells, device=matrix.device) + 0.5) / whole
        for cells, whole in zip(grid_hw, prompt_encoder.image_embedding_size, strict=True)
    )
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # (h, w, 2)
    return _encode_positions(grid, matrix).permute(2, 0, 1)[None]


def _encode_positions(unit_xy: Tensor, matrix: Tensor) -> Tensor:
    """Encode positions in [0, 1], (..., 2), as random Fourier features, (..., C) float32.

    In float32 whatever the weights' precision: phases of many periods need it.
    """
    centred = 2 * unit_xy.float() - 1
    matrix = matrix.float()
    phase = 2 * math.pi * (centred[..., :1] * matrix[0] + centred[..., 1:] * matrix[1])
    return torch.cat([phase.sin(), phase.cos()], dim=-1)


def _embed_points(weights: PromptEncoder, prompts: Prompts) -> Tensor:
    """Embed points by place and label: (N, P, C). Absent points become zeros."""
    matrix = weights.pe_layer.positional_encoding_gaussian_matrix
    height, width = weights.input_image_size
    x, y = (prompts.points_xy + 0.5).unbind(-1)  # the centres of pixels
    places = _encode_positions(torch.stack([x / width, y / height], dim=-1), matrix)
    kinds = [embedding.weight for embedding in weights.point_embeddings]
    nothing = torch.zeros_like(weights.not_a_point_embed.weight)
    table = torch.cat([nothing, weights.not_a_point_embed.weight, *kinds])  # labels -2 .. 3
    labels = prompts.point_labels.long()
    return places * (labels >= 0)[..., None] + table[labels - _ABSENT]


def _embed_image(weights: PromptEncoder, features: Tensor, prompts: Prompts) -> Tensor:
    """Add the dense prompts to the features: (N, h * w, C), or (1, h * w, C) if there is none."""
    dense: Tensor = weights.no_mask_embed.weight[..., None, None]  # (1, C, 1, 1)
    if prompts.dense_logits is not None:
        embedded = weights.mask_downscaling(prompts.dense_logits)  # (N, C, h, w)
        if prompts.has_dense is None:
            dense = embedded
        else:
            dense = torch.where(prompts.has_dense[:, None, None, None], embedded, dense)
    # Channels last: dense prompts of a batch are laid out like the features.
    return (features + dense).flatten(2).transpose(1, 2).contiguous()


def _output_tokens(decoder: MaskDecoder) -> Tensor:
    tokens = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    return tokens[None]  # (1, 5, C)


def _transform(
    transformer: Transformer, tokens: Tensor, image: Tensor, positions: Tensor, prompts: Prompts
) -> tuple[Tensor, Tensor]:
    """Run the two-way transformer: tokens (N, T, C) and image (N, h * w, C)."""
    absent = F.pad(prompts.point_labels == _ABSENT, (_OUTPUT_TOKENS, 0), value=False)
    queries = tokens
    if prompts.semantic_places is not None:
        tokens = tokens + prompts.semantic_places[:, None]  # the tokens' positions, from here on
    for layer in transformer.layers:
        if prompts.semantic is not None:
            queries = queries + prompts.semantic[:, None]
        placed = image + positions
        queries = _attend_tokens(layer, queries, tokens, absent)
        attended = _read_image(
            layer.cross_attn_token_to_image, queries + tokens, placed, image, prompts.guide
        )
        queries = layer.norm2(queries + attended)
        queries = layer.norm3(queries + layer.mlp(queries))
        image = layer.norm4(
            _write_image(
                layer.cross_attn_image_to_token, queries + tokens, queries, placed, image, absent
            )
        )
    last = queries + tokens
    if prompts.semantic_places is not None:
        last = last + prompts.semantic_places[:, None]  # upstream adds it once more
    attended = _read_image(
        transformer.final_attn_token_to_image, last, image + positions, image, None
    )
    return transformer.norm_final_attn(queries + attended), image


def _attend_tokens(layer: Block, queries: Tensor, positions: Tensor, absent: Tensor) -> Tensor:
    """Let tokens attend to each other, without those that are absent."""
    attention = layer.self_attn
    placed = queries if layer.skip_first_layer_pe else queries + positions
    attended = F.scaled_dot_product_attention(
        _split_heads(attention.q_proj(placed), attention.num_heads),
        _split_heads(attention.k_proj(placed), attention.num_heads),
        _split_heads(attention.v_proj(queries), attention.num_heads),
        attn_mask=~absent[:, None, None],  # (N, 1, 1, T)
    )
    out: Tensor = attention.out_proj(attended.transpose(1, 2).flatten(2))
    normed: Tensor = layer.norm1(out if layer.skip_first_layer_pe else queries + out)
    return normed


def _read_image(
    attention: Attention, tokens: Tensor, placed: Tensor, image: Tensor, guide: Tensor | None
) -> Tensor:
    """Let tokens, (N, T, C), attend to the image; ``placed`` is the image with its positions."""
    heads = attention.num_heads
    query = _split_heads(attention.q_proj(tokens), heads)  # (N, heads, T, d)
    scale = query.shape[-1] ** -0.5
    # The bias of the keys adds the same to all cells: the softmax does not see it.
    rows = (query * scale) @ _head_weights(attention.k_proj, heads)  # (N, heads, T, C)
    weights = _dot_cells(rows, placed).softmax(dim=-1)  # (N, heads, T, h * w)
    if guide is not None:
        weights = (weights + guide[:, None, None]).softmax(dim=-1)
    sums = _sum_cells(weights, image)  # (N, heads, T, C)
    values = sums @ _head_weights(attention.v_proj, heads).transpose(1, 2)  # (N, heads, T, d)
    # The weights sum to 1: the bias of the values passes through.
    values = values.transpose(1, 2).flatten(2) + attention.v_proj.bias
    out: Tensor = attention.out_proj(values)
    return out


def _write_image(
    attention: Attention,
    placed_tokens: Tensor,
    tokens: Tensor,
    placed: Tensor,
    image: Tensor,
    absent: Tensor,
) -> Tensor:
    """Let the image attend to the tokens, and return the image plus what it read: (N, h * w, C)."""
    heads = attention.num_heads
    key = _split_heads(attention.k_proj(placed_tokens), heads)  # (N, heads, T, d)
    key = key * key.shape[-1] ** -0.5
    rows = key @ _head_weights(attention.q_proj, heads)  # (N, heads, T, C)
    bias = (key * attention.q_proj.bias.view(heads, 1, -1)).sum(-1)  # (N, heads, T)
    bias = bias.masked_fill(absent[:, None], -math.inf)
    weights = (_dot_cells(rows, placed) + bias[..., None]).softmax(dim=2)  # over the tokens
    value = _split_heads(attention.v_proj(tokens), heads)
    out_weight = attention.out_proj.weight.T.reshape(heads, value.shape[-1], -1)
    # The weights of each head sum to 1, so every head can carry its share of the bias.
    contribution = value @ out_weight + attention.out_proj.bias / heads  # (N, heads, T, C)
    objects = len(tokens)
    return torch.baddbmm(
        image.expand(objects, -1, -1),
        weights.flatten(1, 2).transpose(1, 2),
        contribution.flatten(1, 2),
    )


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """(N, T, heads * d) -> (N, heads, T, d)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def _head_weights(projection: nn.Linear, heads: int) -> Tensor:
    """Return a linear layer's weight by heads: (heads, d, C)."""
    return projection.weight.view(heads, -1, projection.in_features)


def _dot_cells(rows: Tensor, image: Tensor) -> Tensor:
    """(N, heads, T, C) . (N or 1, cells, C) -> (N, heads, T, cells)."""
    flat = rows.flatten(1, 2)
    shared = len(image) == 1
    scores = flat @ image[0].T if shared else torch.bmm(flat, image.transpose(1, 2))
    return scores.view(*rows.shape[:3], -1)


def _sum_cells(weights: Tensor, image: Tensor) -> Tensor:
    """(N, heads, T, cells) . (N or 1, cells, C) -> (N, heads, T, C)."""
    flat = weights.flatten(1, 2)
    sums = flat @ image[0] if len(image) == 1 else torch.bmm(flat, image)
    return sums.view(*weights.shape[:3], -1)


def _mask_logits(
    decoder: MaskDecoder, mask_tokens: Tensor, image: Tensor, grid_hw: tuple[int, int]
) -> Tensor:
    """Upscale the image, (N, h * w, C), by 4 and weigh it by each mask token: (N, 4, 4h, 4w)."""
    first, norm, act, second, act_last = decoder.output_upscaling
    x = _upscale_cells(image, first)  # (N, h * w, 4, C/4)
    x = act(F.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, norm.eps))
    x = act_last(_upscale_cells(x, second))  # (N, h * w, 4, 4, C/8)
    networks = decoder.output_hypernetworks_mlps
    hyper = torch.stack([net(mask_tokens[:, i]) for i, net in enumerate(networks)], dim=1)
    masks = torch.bmm(hyper, x.flatten(1, -2).transpose(1, 2))  # (N, 4, h * w * 16)
    height, width = grid_hw
    masks = masks.view(len(image), -1, height, width, 2, 2, 2, 2)
    # (N, 4, h, w, row, column, row, column) -> (N, 4, h, row, row, w, column, column)
    return masks.permute(0, 1, 2, 4, 6, 3, 5, 7).reshape(len(image), -1, 4 * height, 4 * width)


def _upscale_cells(x: Tensor, layer: nn.ConvTranspose2d) -> Tensor:
    """Apply a transposed convolution of kernel 2 and stride 2 to cells: (..., C) -> (..., 4, D).

    The four are the new cells, row by row.
    """
    # The weight is (C, D, 2, 2).
    flat = layer.weight.permute(2, 3, 1, 0).flatten(0, 2)  # (4 * D, C)
    assert layer.bias is not None
    return F.linear(x, flat, layer.bias.repeat(4)).view(*x.shape[:-1], 4, -1)
