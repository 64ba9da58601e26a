"""Read DINOv2 and DINOv3 checkpoints, as they are published, into one canonical state dict.

Canonical names are those of DINOv2's own files (``facebookresearch/dinov2``). Understood are also
those of DINOv3's own files (``facebookresearch/dinov3``), and of both models in the format of
``transformers``: its queries, keys and values are joined.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isqrt
from pathlib import Path

import torch
from torch import Tensor

from ..errors import WeightsError
from ..weights.formats import read_tensors
from .dino_vit import HEAD_WIDTH, DinoShape

_EXPECTED = "a DINOv2 or DINOv3 ViT of size small, base or large (.pth, .pt or .safetensors)"
_RENAMED = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^(?:model|dinov2|dinov2_with_registers|dinov3_vit|encoder)\.", ""),
        (r"^embeddings\.patch_embeddings\.(?:projection\.)?", "patch_embed.proj."),
        (r"^embeddings\.position_embeddings$", "pos_embed"),
        (r"^embeddings\.", ""),
        (r"^storage_tokens$", "register_tokens"),
        (r"^layer\.", "blocks."),
        (r"\.attention\.attention\.([qkv])(?:uery|ey|alue)\.", r".attn.\1."),
        (r"\.attention\.([qkv])_proj\.", r".attn.\1."),
        (r"\.attention\.(?:output\.dense|o_proj)\.", ".attn.proj."),
        (r"\.layer_scale(\d)\.lambda1$", r".ls\1.gamma"),
        (r"\.mlp\.up_proj\.", ".mlp.fc1."),
        (r"\.mlp\.down_proj\.", ".mlp.fc2."),
        (r"^layernorm\.", "norm."),
    )
)
# What published files hold beside: tokens of training, angles and masks that follow from the rest.
_UNUSED = re.compile(r"^(mask_token|rope_embed\.periods|head\..*)$|\.attn\.qkv\.bias_mask$")


def read_dino(path: Path) -> tuple[DinoShape, dict[str, Tensor]]:
    """Read a checkpoint onto the CPU: its shape, and float32 tensors under canonical names.

    Raises WeightsError, naming the file, for one that is unreadable or of something else.
    """
    try:
        state = canonical_dino(read_tensors(path))
        return dino_shape(state), state
    except WeightsError as error:
        raise WeightsError(str(path), got=error.got, expected=_EXPECTED) from error
    except (KeyError, ValueError) as error:
        told = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise WeightsError(str(path), got=f"a file with {told}", expected=_EXPECTED) from None


def canonical_dino(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bring a published state dict to canonical names, in float32."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        while (short := _RENAMED[0][0].sub("", name)) != name:
            name = short
        for pattern, replacement in _RENAMED[1:]:
            name = pattern.sub(replacement, name)
        if not _UNUSED.search(name):
            renamed[name] = tensor.float()
    _join_attention(renamed)
    if "pos_embed" not in renamed:
        _clear_key_bias(renamed)
    return renamed


def dino_shape(state: Mapping[str, Tensor]) -> DinoShape:
    """Tell the shape of a network from its canonical state dict.

    Raises KeyError naming a weight that is not there, ValueError saying what is odd.
    """
    if any(".mlp.w" in name or ".mlp.gate_proj." in name for name in state):
        raise ValueError("gated MLPs, as the giant, plus and 7B models have")
    width, _, patch, _ = state["patch_embed.proj.weight"].shape
    if width % HEAD_WIDTH:
        raise ValueError(f"a width of {width}")
    blocks = {int(found[1]) for name in state if (found := re.match(r"blocks\.(\d+)\.", name))}
    if not blocks:
        raise KeyError("blocks.0")
    registers = state.get("register_tokens")
    positions = state.get("pos_embed")
    grid = 0 if positions is None else isqrt(positions.shape[1] - 1)
    if positions is not None and grid**2 + 1 != positions.shape[1]:
        raise ValueError(f"position embeddings of {positions.shape[1]} tokens")
    return DinoShape(
        generation="v3" if positions is None else "v2",
        width=width,
        depth=max(blocks) + 1,
        patch=patch,
        grid=grid,
        registers=0 if registers is None else registers.shape[1],
        mlp_width=state["blocks.0.mlp.fc1.weight"].shape[0],
    )


def _join_attention(state: dict[str, Tensor]) -> None:
    """Join the projections of queries, keys and values, which ``transformers`` keeps apart."""
    for name in [name for name in state if name.endswith(".attn.q.weight")]:
        base = name.removesuffix("q.weight")
        parts = [state.pop(f"{base}{one}.weight", None) for one in "qkv"]
        biases = [state.pop(f"{base}{one}.bias", None) for one in "qkv"]
        if any(part is None for part in parts):
            continue  # what is missing is told when the network is built
        weights = [part for part in parts if part is not None]
        state[f"{base}qkv.weight"] = torch.cat(weights)
        state[f"{base}qkv.bias"] = torch.cat(
            [
                torch.zeros(len(weight)) if bias is None else bias
                for weight, bias in zip(weights, biases, strict=True)
            ]
        )


def _clear_key_bias(state: dict[str, Tensor]) -> None:
    """Set the biases of keys to 0, as the masks in DINOv3's files do."""
    for name, tensor in state.items():
        if name.endswith(".attn.qkv.bias"):
            width = len(tensor) // 3
            state[name] = torch.cat([tensor[:width], torch.zeros(width), tensor[2 * width :]])
