"""Prompts as the UNet gets them: of one text encoder, or of SDXL's two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .models import DiffusionModel


@dataclass(frozen=True, slots=True)
class PromptEmbedding:
    """Encoded prompts; produced by `encode_prompts`, consumed by `denoising`.

    ``tokens`` is (B, L, D); ``pooled`` (B, P) for SDXL, else None.
    """

    tokens: torch.Tensor
    pooled: torch.Tensor | None

    def repeated(self, times: int) -> PromptEmbedding:
        """Return each prompt so many times, one after the other."""
        pooled = None if self.pooled is None else self.pooled.repeat_interleave(times, dim=0)
        return PromptEmbedding(self.tokens.repeat_interleave(times, dim=0), pooled)


def encode_prompts(
    model: DiffusionModel,
    prompts: Sequence[str],
    encoders: Sequence[torch.nn.Module] | None = None,
) -> PromptEmbedding:
    """Encode prompts on the device of the text encoders, as the pipelines of diffusers do.

    Stable Diffusion takes the last hidden state after its norm; SDXL the last but one of both
    encoders side by side, and the second one's projection as pooled text. ``encoders`` stand in for
    the model's own, wrapped for several devices. Prompts are cut at the tokenizer's length.
    """
    encoders = model.text_encoders if encoders is None else encoders
    hidden, pooled = [], None
    for tokenizer, encoder in zip(model.tokenizers, encoders, strict=True):
        device = next(encoder.parameters()).device
        outputs = encoder(_token_ids(tokenizer, prompts).to(device), output_hidden_states=True)
        if model.family == "sdxl":
            hidden.append(outputs.hidden_states[-2])
            pooled = outputs[0]  # the last encoder's is kept: its projection
        else:
            hidden.append(outputs[0])
    return PromptEmbedding(torch.cat(hidden, dim=-1), pooled)


def too_long(model: DiffusionModel, prompt: str) -> bool:
    """Tell whether a prompt has more tokens than the text encoders take."""
    return any(
        len(tokenizer(prompt).input_ids) > tokenizer.model_max_length
        for tokenizer in model.tokenizers
    )


def size_conditions(
    original_size_hw: Sequence[tuple[int, int]],
    crop_top_left_yx: Sequence[tuple[int, int]],
    resolution: int,
) -> torch.Tensor:
    """Return SDXL's size conditions, (B, 6) float32: of the photo, of its corner, of the crop."""
    rows = [
        (*size, *corner, resolution, resolution)
        for size, corner in zip(original_size_hw, crop_top_left_yx, strict=True)
    ]
    return torch.tensor(rows, dtype=torch.float32)


def _token_ids(tokenizer: Any, prompts: Sequence[str]) -> torch.Tensor:
    ids: torch.Tensor = tokenizer(
        list(prompts),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).input_ids
    return ids
