"""Checkpoints are read by the names and shapes that are published, in all four layouts."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from persam_vos.encoders.dino_vit import DinoShape
from persam_vos.encoders.formats import canonical_dino, read_dino
from persam_vos.errors import WeightsError

WIDTH = 128


def published_v2(registers: int = 0, width: int = WIDTH, depth: int = 2) -> dict[str, torch.Tensor]:
    """The names and shapes of ``dinov2_vit*14_pretrain.pth``, or ``_reg4_pretrain.pth``."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1370, width),
        "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, 14, 14),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    if registers:
        shapes["register_tokens"] = (1, registers, width)
    for k in range(depth):
        shapes |= {
            f"blocks.{k}.{name}": shape
            for name, shape in {
                "norm1.weight": (width,), "norm1.bias": (width,),
                "attn.qkv.weight": (3 * width, width), "attn.qkv.bias": (3 * width,),
                "attn.proj.weight": (width, width), "attn.proj.bias": (width,),
                "ls1.gamma": (width,),
                "norm2.weight": (width,), "norm2.bias": (width,),
                "mlp.fc1.weight": (4 * width, width), "mlp.fc1.bias": (4 * width,),
                "mlp.fc2.weight": (width, 4 * width), "mlp.fc2.bias": (width,),
                "ls2.gamma": (width,),
            }.items()
        }  # fmt: skip
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def published_v3() -> dict[str, torch.Tensor]:
    """The names of ``dinov3_vit*16_pretrain_lvd1689m-*.pth``."""
    state = published_v2(registers=4)
    del state["pos_embed"]
    state["storage_tokens"] = state.pop("register_tokens")
    state["mask_token"] = state["mask_token"][None]
    state["patch_embed.proj.weight"] = torch.ones(WIDTH, 3, 16, 16)
    state["rope_embed.periods"] = torch.ones(16)
    for k in range(2):
        mask = torch.ones(3 * WIDTH)
        mask[WIDTH : 2 * WIDTH] = 0
        state[f"blocks.{k}.attn.qkv.bias_mask"] = mask
    return state


def as_transformers_v2(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names of ``facebook/dinov2-*`` in ``model.safetensors``."""
    result = {}
    for name, tensor in state.items():
        if ".attn.qkv." in name:
            for part, rows in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                result[name.replace("blocks.", "encoder.layer.").replace(
                    "attn.qkv", f"attention.attention.{part}"
                )] = rows.contiguous()  # fmt: skip
            continue
        for old, new in (
            ("blocks.", "encoder.layer."), ("attn.proj", "attention.output.dense"),
            ("ls1.gamma", "layer_scale1.lambda1"), ("ls2.gamma", "layer_scale2.lambda1"),
            ("patch_embed.proj", "embeddings.patch_embeddings.projection"),
            ("pos_embed", "embeddings.position_embeddings"),
            ("cls_token", "embeddings.cls_token"), ("mask_token", "embeddings.mask_token"),
            ("register_tokens", "embeddings.register_tokens"),
        ):  # fmt: skip
            name = name.replace(old, new)
        result["layernorm." + name[5:] if name.startswith("norm.") else name] = tensor
    return result


def as_transformers_v3(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names of ``facebook/dinov3-vit*`` in ``model.safetensors``; keys have no bias."""
    result = {}
    for name, tensor in as_transformers_v2(state).items():
        if "bias_mask" in name or "rope" in name or name.endswith("key.bias"):
            continue
        for old, new in (
            ("encoder.layer.", "layer."), ("attention.attention.query", "attention.q_proj"),
            ("attention.attention.key", "attention.k_proj"),
            ("attention.attention.value", "attention.v_proj"),
            ("attention.output.dense", "attention.o_proj"), ("mlp.fc1", "mlp.up_proj"),
            ("mlp.fc2", "mlp.down_proj"), ("patch_embeddings.projection", "patch_embeddings"),
            ("layernorm.", "norm."), ("storage_tokens", "embeddings.register_tokens"),
        ):  # fmt: skip
            name = name.replace(old, new)
        result[name] = tensor
    return result


@pytest.mark.parametrize("registers", [0, 4])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_dinov2_files_of_both_publishers_are_the_same_network(tmp_path, registers, suffix):
    state = published_v2(registers)
    path = tmp_path / f"dino.{suffix}"
    if suffix == "pth":
        torch.save(state, path)
    else:
        save_file(as_transformers_v2(state), path)
    shape, found = read_dino(path)
    assert shape == DinoShape("v2", WIDTH, 2, 14, 37, registers, 4 * WIDTH)
    del state["mask_token"]
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_dinov3_files_of_both_publishers_are_the_same_network(tmp_path, suffix):
    state = published_v3()
    path = tmp_path / f"dino.{suffix}"
    if suffix == "pth":
        torch.save(state, path)
    else:
        save_file(as_transformers_v3(state), path)
    shape, found = read_dino(path)
    assert shape == DinoShape("v3", WIDTH, 2, 16, 0, 4, 4 * WIDTH)
    bias = state["blocks.1.attn.qkv.bias"].clone()
    bias[WIDTH : 2 * WIDTH] = 0
    assert torch.equal(found["blocks.1.attn.qkv.bias"], bias)
    assert torch.equal(found["blocks.1.attn.qkv.weight"], state["blocks.1.attn.qkv.weight"])
    assert torch.equal(found["register_tokens"], state["storage_tokens"])
    assert "rope_embed.periods" not in found
    assert "blocks.1.attn.qkv.bias_mask" not in found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"blocks.0.mlp.w1.weight": torch.ones(3)}, "gated MLPs"),
        ({"patch_embed.proj.weight": torch.ones(100, 3, 14, 14)}, "a width of 100"),
        ({"pos_embed": torch.ones(1, 1300, WIDTH)}, "position embeddings of 1300 tokens"),
        ({"patch_embed.proj.weight": None}, r"no 'patch_embed\.proj\.weight'"),
    ],
)
def test_other_networks_are_told(tmp_path, change, told):
    state = {k: v for k, v in (published_v2() | change).items() if v is not None}
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=rf"a\.pth: got a file with {told}.*DINOv2 or DINOv3"):
        read_dino(tmp_path / "a.pth")


def test_files_that_are_no_weights_are_told(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="expected a DINOv2 or DINOv3"):
        read_dino(tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"b\.pth.*expected a DINOv2"):
        read_dino(tmp_path / "b.pth")


def test_a_missing_projection_is_left_to_be_told():
    state = as_transformers_v2(published_v2())
    del state["encoder.layer.1.attention.attention.value.weight"]
    assert "blocks.1.attn.qkv.weight" not in canonical_dino(state)
