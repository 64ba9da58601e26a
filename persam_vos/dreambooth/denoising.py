"""One step of training, up to its loss: noise latents, predict, weigh by the masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .caches import EncodedCrop
from .loss import MinSnr, dreambooth_loss
from .models import DiffusionModel
from .settings import TrainSettings
from .text import PromptEmbedding, size_conditions
from .transforms import latent_mask


@dataclass(frozen=True, slots=True)
class StepLoss:
    """The loss of a batch; produced by `step_loss`.

    ``total`` is a scalar with a gradient. ``inside`` and ``outside`` are mean squared errors of the
    instance photos within their masks and beyond them, without gradients; NaN where there is no
    such place.
    """

    total: torch.Tensor
    inside: torch.Tensor
    outside: torch.Tensor


def step_loss(
    model: DiffusionModel,
    unet: torch.nn.Module,
    crops: Sequence[EncodedCrop],
    text: PromptEmbedding,
    settings: TrainSettings,
    generator: torch.Generator,
) -> StepLoss:
    """Return the loss of a batch, whose second half are class images if priors are preserved.

    Latents, noise and timesteps are drawn from ``generator``, on the CPU, in the order of
    diffusers' script, and ``unet`` stands in for the model's, wrapped for several devices.
    """
    device, dtype = text.tokens.device, model.unet.dtype
    latents = sample_latents(model, crops, generator).to(device)
    noise = torch.randn(latents.shape, generator=generator)
    if settings.offset_weight:
        offset = torch.randn(*latents.shape[:2], 1, 1, generator=generator)
        noise = noise + settings.offset_weight * offset
    steps = model.scheduler.config.num_train_timesteps
    timesteps = torch.randint(0, steps, (len(crops),), generator=generator).to(device)
    noise = noise.to(device)
    noisy = model.scheduler.add_noise(latents, noise, timesteps)
    prediction = unet(
        noisy.to(dtype),
        timesteps,
        text.tokens.to(dtype),
        added_cond_kwargs=_added_conditions(crops, text, settings.resolution),
        return_dict=False,
    )[0]
    epsilon = model.prediction_type == "epsilon"
    target = noise if epsilon else model.scheduler.get_velocity(latents, noise, timesteps)
    photos = crops[: len(crops) // 2] if settings.with_prior_preservation else crops
    latent_hw = (latents.shape[-2], latents.shape[-1])
    mask = latent_mask(torch.stack([one.mask for one in photos]), latent_hw).to(device)
    total = dreambooth_loss(
        prediction,
        target,
        mask,
        timesteps,
        prior_loss_weight=settings.prior_loss_weight if settings.with_prior_preservation else None,
        unmasked_weight=settings.unmasked_weight,
        normalize=settings.mask_normalize,
        snr=_min_snr(model, settings),
    )
    count, channels = len(photos), target.shape[1]
    error = (prediction[:count, :channels].detach().float() - target[:count].float()).square()
    return StepLoss(total, _mean_where(error, mask), _mean_where(error, 1 - mask))


def sample_latents(
    model: DiffusionModel, crops: Sequence[EncodedCrop], generator: torch.Generator
) -> torch.Tensor:
    """Draw latents of crops, (B, C, h, w) float32, scaled as the UNet expects them."""
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    moments = torch.stack([one.moments for one in crops])
    drawn: torch.Tensor = DiagonalGaussianDistribution(moments).sample(generator)
    return drawn * float(model.vae.config.scaling_factor)


def _added_conditions(
    crops: Sequence[EncodedCrop], text: PromptEmbedding, resolution: int
) -> dict[str, torch.Tensor] | None:
    """Return what SDXL's UNet gets beside the tokens; None for Stable Diffusion's."""
    if text.pooled is None:
        return None
    sizes = size_conditions(
        [one.original_size_hw for one in crops],
        [one.crop_top_left_yx for one in crops],
        resolution,
    )
    return {"text_embeds": text.pooled, "time_ids": sizes.to(text.pooled)}


def _min_snr(model: DiffusionModel, settings: TrainSettings) -> MinSnr | None:
    if settings.snr_gamma is None:
        return None
    return MinSnr(settings.snr_gamma, model.scheduler.alphas_cumprod, model.prediction_type)


def _mean_where(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean of errors (B, C, h, w) by weights (B, 1, h, w)."""
    return (error * weight).sum() / (weight.sum() * error.shape[1])
