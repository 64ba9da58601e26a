"""The parts of a diffusion model, from a folder in diffusers' layout: Stable Diffusion and SDXL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from ..errors import UsageError, WeightsError, param
from ..files.limits import read_json
from .extra import quiet_libraries
from .loss import PREDICTION_TYPES, PredictionType

Family = Literal["sd", "sdxl"]

_FAMILIES: dict[str, Family] = {
    "StableDiffusionPipeline": "sd",
    "StableDiffusionXLPipeline": "sdxl",
}


@dataclass(frozen=True, slots=True)
class DiffusionModel:
    """A model's networks, untrained for any subject; produced by `load_model`.

    ``tokenizers`` and ``text_encoders`` are one each, or two of SDXL. ``scheduler`` is the noise
    schedule of training, a DDPMScheduler. All networks are in float32 unless they were moved.
    """

    family: Family
    unet: Any
    vae: Any
    scheduler: Any
    tokenizers: tuple[Any, ...]
    text_encoders: tuple[Any, ...]

    @property
    def prediction_type(self) -> PredictionType:
        """What the UNet predicts: ``epsilon`` or ``v_prediction``."""
        predicted: PredictionType = self.scheduler.config.prediction_type
        return predicted

    @property
    def text_encoder_names(self) -> tuple[str, ...]:
        """How diffusers names the text encoders, in order."""
        return ("text_encoder", "text_encoder_2")[: len(self.text_encoders)]

    @property
    def networks(self) -> dict[str, Any]:
        """The UNet and the text encoders, by diffusers' names."""
        return {
            "unet": self.unet,
            **dict(zip(self.text_encoder_names, self.text_encoders, strict=True)),
        }


def check_model_folder(folder: Path) -> Family:
    """Return of what family the model in a folder is, by its ``model_index.json``.

    Raises UsageError for a folder that is no Stable Diffusion or SDXL pipeline.
    """
    name = "pretrained_model_name_or_path"
    expected = "a folder that a Stable Diffusion or SDXL pipeline of diffusers was saved to"
    index = folder / "model_index.json"
    if not index.is_file():
        got = "a folder without model_index.json" if folder.is_dir() else "no such folder"
        raise UsageError(param(name, folder), got=got, expected=expected)
    try:
        kind = read_json(index)["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        got = "a model_index.json that cannot be read"
        raise UsageError(param(name, folder), got=got, expected=expected) from error
    if kind not in _FAMILIES:
        raise UsageError(param(name, folder), got=f"a {kind}", expected=expected)
    return _FAMILIES[kind]


def load_model(folder: Path, *, variant: str | None = None) -> DiffusionModel:
    """Load all parts on the CPU, in float32 and frozen; nothing is fetched, pickles are not read.

    Raises UsageError for what `check_model_folder` refuses, and for a model that predicts something
    else than noise or velocity, or whose UNet takes more than latents; WeightsError for parts that
    are missing or damaged.
    """
    family = check_model_folder(folder)
    with quiet_libraries():
        try:
            model = _load(folder, family, variant)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            raise WeightsError(
                str(folder),
                got=f"{type(error).__name__}: {error}",
                expected="all parts of the pipeline, as safetensors",
                remedy=f"save the pipeline again, or give the {param('variant')} that it has",
            ) from error
    _check_kind(folder, model)
    for network in (model.vae, *model.networks.values()):
        network.requires_grad_(requires_grad=False)
    return model


def _load(folder: Path, family: Family, variant: str | None) -> DiffusionModel:
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    local: dict[str, Any] = {"local_files_only": True}
    weights = local | {"use_safetensors": True, "variant": variant}
    text = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    names = list(text)[: 2 if family == "sdxl" else 1]
    return DiffusionModel(
        family=family,
        unet=UNet2DConditionModel.from_pretrained(
            folder, subfolder="unet", torch_dtype=torch.float32, **weights
        ),
        vae=AutoencoderKL.from_pretrained(
            folder, subfolder="vae", torch_dtype=torch.float32, **weights
        ),
        scheduler=DDPMScheduler.from_pretrained(folder, subfolder="scheduler", **local),
        tokenizers=tuple(
            CLIPTokenizer.from_pretrained(
                folder, subfolder=name.replace("text_encoder", "tokenizer"), **local
            )
            for name in names
        ),
        text_encoders=tuple(
            text[name].from_pretrained(folder, subfolder=name, dtype=torch.float32, **weights)
            for name in names
        ),
    )


def _check_kind(folder: Path, model: DiffusionModel) -> None:
    name = param("pretrained_model_name_or_path", folder)
    if model.prediction_type not in PREDICTION_TYPES:
        raise UsageError(
            name,
            got=f"a model that predicts {model.prediction_type}",
            expected=f"one that predicts {' or '.join(PREDICTION_TYPES)}",
        )
    channels, latents = model.unet.config.in_channels, model.vae.config.latent_channels
    if channels != latents:
        raise UsageError(
            name,
            got=f"a UNet of {channels} input channels for latents of {latents}",
            expected="a model that makes pictures from text alone, not one for inpainting",
        )


def make_pipeline(model: DiffusionModel) -> Any:
    """Return a pipeline of the model's parts that makes pictures, without a safety checker."""
    from diffusers import (
        DPMSolverMultistepScheduler,
        StableDiffusionPipeline,
        StableDiffusionXLPipeline,
    )

    scheduler = DPMSolverMultistepScheduler.from_config(
        model.scheduler.config, variance_type="fixed_small"
    )
    parts = dict(model.networks) | {
        name.replace("text_encoder", "tokenizer"): tokenizer
        for name, tokenizer in zip(model.text_encoder_names, model.tokenizers, strict=True)
    }
    with quiet_libraries():
        if model.family == "sdxl":
            pipeline = StableDiffusionXLPipeline(
                vae=model.vae, scheduler=scheduler, add_watermarker=False, **parts
            )
        else:
            pipeline = StableDiffusionPipeline(
                vae=model.vae,
                scheduler=scheduler,
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
                **parts,
            )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
