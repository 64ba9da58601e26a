"""Adapters sit where diffusers puts them, and its pipelines read them back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lora_loading import load_adapters
from safetensors.torch import load_file
from train_settings import PROMPT

from persam_vos.dreambooth.lora import LORA_FILE, add_adapters, save_adapters
from persam_vos.dreambooth.models import DiffusionModel, load_model
from persam_vos.dreambooth.sampling import sample_pictures


def picture(model: DiffusionModel) -> np.ndarray:
    generator = torch.Generator().manual_seed(0)
    return sample_pictures(model, [PROMPT], [generator], side=32, steps=2)


def changed(model: DiffusionModel, names: list[str]) -> None:
    """Give all adapters weights that show."""
    generator = torch.Generator().manual_seed(1)
    for name in names:
        for parameter in model.networks[name].parameters():
            if parameter.requires_grad:
                parameter.data = torch.randn(parameter.shape, generator=generator) / 3


def test_adapters_change_nothing_at_first(tiny_sd: Path) -> None:
    model = load_model(tiny_sd)
    before = picture(model)
    add_adapters(model, ["unet", "text_encoder"], rank=2)
    assert np.array_equal(picture(model), before)


def test_only_adapters_of_attentions_are_trainable(tiny_sd: Path) -> None:
    model = load_model(tiny_sd)
    add_adapters(model, ["unet"], rank=3)
    trained = {name: one for name, one in model.unet.named_parameters() if one.requires_grad}
    assert trained
    assert all(".lora_" in name and ".attn" in name for name in trained)
    assert {min(one.shape) for one in trained.values()} == {3}
    assert {one.dtype for one in trained.values()} == {torch.float32}
    assert not any(one.requires_grad for one in model.text_encoders[0].parameters())


@pytest.mark.parametrize("family", ["sd", "sdxl"])
def test_the_file_is_named_and_read_back_as_by_diffusers(
    family: str, tiny_sd: Path, tiny_sdxl: Path, tmp_path: Path
) -> None:
    folder = tiny_sd if family == "sd" else tiny_sdxl
    model = load_model(folder)
    plain, names = picture(model), list(model.networks)
    add_adapters(model, names, rank=2)
    changed(model, names)
    save_adapters(model, names, tmp_path / LORA_FILE)
    keys = load_file(tmp_path / LORA_FILE)
    assert {key.split(".")[0] for key in keys} == set(names)
    assert all("lora" in key for key in keys)
    text = [key for key in keys if key.startswith("text_encoder")]
    assert all(key.split(".")[1] == "text_model" for key in text)
    shown = picture(model)
    read = load_model(folder)
    load_adapters(read, tmp_path)
    assert np.abs(picture(read) - shown).max() <= 1e-5
    assert np.abs(shown - plain).max() > 1e-2
