"""Tiny diffusion models with random weights, in diffusers' folders: Stable Diffusion and SDXL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
_POOLED_WIDTH, _TIME_WIDTH = 8, 4
TINY_SIZE = 32
"""Side in pixels of what the tiny models are trained on."""


def tiny_tokenizer(folder: Path) -> CLIPTokenizer:
    """Return a CLIP tokenizer without merges: a token for each letter, others at words' ends."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256))]
    letters += [chr(256 + code) for code in range(256 - len(letters))]
    words = [*letters, *(f"{letter}</w>" for letter in letters), _BEGIN, _END]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)


def tiny_text_encoder(tokenizer: CLIPTokenizer, *, pooled: bool = False) -> torch.nn.Module:
    """Return a text encoder of width 8; with ``pooled`` one that projects, as SDXL's second."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        vocab_size=len(tokenizer),
        hidden_size=8,
        intermediate_size=16,
        num_attention_heads=2,
        num_hidden_layers=2,
        projection_dim=_POOLED_WIDTH,
    )
    torch.manual_seed(0)
    made = (CLIPTextModelWithProjection if pooled else CLIPTextModel)(config)
    assert isinstance(made, torch.nn.Module)
    return made.eval()


def tiny_unet(**changes: Any) -> torch.nn.Module:
    """Return a UNet of two levels, of 4 and 8 channels."""
    from diffusers import UNet2DConditionModel

    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "block_out_channels": (4, 8),
        "layers_per_block": 1,
        "sample_size": TINY_SIZE // 2,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": 8,
        "attention_head_dim": 2,
        "norm_num_groups": 2,
    }
    made: torch.nn.Module = UNet2DConditionModel(**settings | changes)
    return made


def tiny_vae(levels: int = 2) -> torch.nn.Module:
    """Return an autoencoder that makes pictures smaller by 2 ** (levels - 1)."""
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    made: torch.nn.Module = AutoencoderKL(
        block_out_channels=[4] * (levels - 1) + [8],
        down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels,
        latent_channels=4,
        norm_num_groups=2,
        sample_size=TINY_SIZE,
    )
    return made


def tiny_scheduler(prediction_type: str = "epsilon") -> Any:
    """Return Stable Diffusion's training scheduler."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction_type,
        clip_sample=False,
        steps_offset=1,
    )


def save_tiny_sd(folder: Path, *, prediction_type: str = "epsilon", vae_levels: int = 2) -> Path:
    """Write a tiny Stable Diffusion pipeline, as 1.x and 2.x are laid out."""
    from diffusers import StableDiffusionPipeline

    tokenizer = tiny_tokenizer(folder / "tokenizer")
    StableDiffusionPipeline(
        vae=tiny_vae(vae_levels),
        text_encoder=tiny_text_encoder(tokenizer),
        tokenizer=tokenizer,
        unet=tiny_unet(),
        scheduler=tiny_scheduler(prediction_type),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def save_tiny_sdxl(folder: Path) -> Path:
    """Write a tiny SDXL pipeline: two text encoders, and sizes and pooled text as conditions."""
    from diffusers import StableDiffusionXLPipeline

    tokenizer = tiny_tokenizer(folder / "tokenizer")
    unet = tiny_unet(
        cross_attention_dim=16,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=_TIME_WIDTH,
        projection_class_embeddings_input_dim=6 * _TIME_WIDTH + _POOLED_WIDTH,
    )
    StableDiffusionXLPipeline(
        vae=tiny_vae(),
        text_encoder=tiny_text_encoder(tokenizer),
        text_encoder_2=tiny_text_encoder(tokenizer, pooled=True),
        tokenizer=tokenizer,
        tokenizer_2=tiny_tokenizer(folder / "tokenizer_2"),
        unet=unet,
        scheduler=tiny_scheduler(),
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder
