"""LoRA adapters on a diffusion model, and their file in diffusers' format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..files.atomic import atomic_path
from .models import DiffusionModel

LORA_FILE = "pytorch_lora_weights.safetensors"
"""The name by which `load_lora_weights` of diffusers finds adapters in a folder."""
_UNET_TARGETS = ("to_k", "to_q", "to_v", "to_out.0", "add_k_proj", "add_v_proj")
_BARE_TEXT = "encoder.layers."
_TEXT_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj")


def add_adapters(
    model: DiffusionModel, names: Sequence[str], *, rank: int, dropout: float = 0.0
) -> None:
    """Add trainable adapters to the attentions of networks, which are named as in `networks`.

    Layers and start are those of diffusers' ``train_dreambooth_lora.py``: A is drawn from a normal
    distribution of torch's global generator, B is zero, so that nothing changes at first; alpha is
    the rank. They are in float32 whatever the networks are in.
    """
    from peft import LoraConfig, inject_adapter_in_model

    for name in names:
        network = model.networks[name]
        config = LoraConfig(
            r=rank,
            lora_alpha=rank,
            lora_dropout=dropout,
            init_lora_weights="gaussian",
            target_modules=list(_UNET_TARGETS if name == "unet" else _TEXT_TARGETS),
        )
        inject_adapter_in_model(config, network)
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()


def adapter_weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights of a network's adapters, named as diffusers names them in files.

    Text encoders have lost the part ``text_model`` of their names in transformers 5; files keep it,
    since tools that are older, or not in Python, know adapters by it. diffusers takes either.
    """
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft.utils import get_peft_model_state_dict

    weights: dict[str, torch.Tensor] = convert_state_dict_to_diffusers(
        get_peft_model_state_dict(network)
    )
    if any(name.startswith(_BARE_TEXT) for name in weights):
        return {f"text_model.{name}": weight for name, weight in weights.items()}
    return weights


def save_adapters(model: DiffusionModel, names: Sequence[str], path: Path) -> None:
    """Write the adapters of networks into one safetensors file; it appears whole or not at all.

    Raises OutputError.
    """
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    pipelines: dict[str, Any] = {"sd": StableDiffusionPipeline, "sdxl": StableDiffusionXLPipeline}
    layers = {f"{name}_lora_layers": adapter_weights(model.networks[name]) for name in names}
    with atomic_path(path) as temporary:
        pipelines[model.family].save_lora_weights(
            save_directory=temporary.parent, weight_name=temporary.name, **layers
        )
