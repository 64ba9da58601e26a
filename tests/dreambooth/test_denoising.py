"""A step's loss is that of diffusers' script where a mask is all ones, written out here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny_diffusion import save_tiny_sd, tiny_unet
from train_settings import PROMPT, small_run

from persam_vos.dreambooth.caches import CropSource, EncodedCrop
from persam_vos.dreambooth.denoising import step_loss
from persam_vos.dreambooth.extra import quiet_libraries
from persam_vos.dreambooth.models import DiffusionModel, load_model
from persam_vos.dreambooth.photos import InstancePhotos
from persam_vos.dreambooth.settings import TrainSettings
from persam_vos.dreambooth.text import encode_prompts

SEED, GAMMA, PRIOR_WEIGHT, OFFSET = 7, 5.0, 0.5, 0.1


def theirs(
    model: DiffusionModel,
    pixels: torch.Tensor,
    text: torch.Tensor,
    added: dict[str, torch.Tensor] | None,
    *,
    prior: bool,
    gamma: float | None,
    offset: bool,
) -> torch.Tensor:
    """The step of diffusers' train_dreambooth.py, but for timesteps, which it fails to halve."""
    torch.manual_seed(SEED)
    latents = model.vae.encode(pixels).latent_dist.sample() * model.vae.config.scaling_factor
    latents = latents.contiguous()  # or noise is drawn in the order that a convolution left
    noise = torch.randn_like(latents)
    if offset:
        noise = noise + OFFSET * torch.randn(latents.shape[0], latents.shape[1], 1, 1)
    timesteps = torch.randint(0, 1000, (len(latents),)).long()
    noisy = model.scheduler.add_noise(latents, noise, timesteps)
    prediction = model.unet(noisy, timesteps, text, added_cond_kwargs=added, return_dict=False)[0]
    if prediction.shape[1] == 2 * latents.shape[1]:
        prediction, _ = prediction.chunk(2, dim=1)
    velocity = model.prediction_type == "v_prediction"
    target = model.scheduler.get_velocity(latents, noise, timesteps) if velocity else noise
    prior_loss = torch.zeros(())
    if prior:
        prediction, prior_prediction = prediction.chunk(2)
        target, prior_target = target.chunk(2)
        timesteps, _ = timesteps.chunk(2)
        prior_loss = PRIOR_WEIGHT * F.mse_loss(prior_prediction, prior_target)
    if gamma is None:
        return F.mse_loss(prediction, target) + prior_loss
    kept = model.scheduler.alphas_cumprod[timesteps]
    snr = kept / (1 - kept)
    weights = snr.clamp(max=gamma) / (snr + 1 if velocity else snr)
    errors = F.mse_loss(prediction, target, reduction="none").mean(dim=(1, 2, 3))
    loss: torch.Tensor = (errors * weights).mean() + prior_loss
    return loss


def crops_of(
    model: DiffusionModel, photos: Path, settings: TrainSettings
) -> tuple[list[EncodedCrop], torch.Tensor]:
    """Return encoded crops, twice as many with priors, and their pixels."""
    masks = settings.masks_dir
    instance = InstancePhotos(photos, masks=masks, resolution=settings.resolution)
    numbers = range(settings.train_batch_size * (2 if settings.with_prior_preservation else 1))
    pixels: list[torch.Tensor] = []

    class Recording:
        def __len__(self) -> int:
            return len(instance)

        def draw(self, index: int, generator: torch.Generator) -> Any:
            crop = instance.draw(index, generator)
            pixels.append(crop.pixels)
            return crop

    source = CropSource(Recording(), model.vae, seed=0, purpose="instance")  # type: ignore[arg-type]
    return source.take(numbers), torch.stack(pixels)


def settings_of(model: Path, photos: Path, **changes: Any) -> TrainSettings:
    prior = {
        "class_data_dir": Path("c"),
        "class_prompt": "a dog",
        "prior_loss_weight": PRIOR_WEIGHT,
    }
    given = changes | (prior if changes.get("with_prior_preservation") else {})
    return small_run(model, photos, Path("out"), masks_dir=None, **given)


def both(
    model: DiffusionModel, folder: Path, photos: Path, **changes: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return our loss and diffusers', of the same batch and seed."""
    settings = settings_of(folder, photos, **changes)
    crops, pixels = crops_of(model, photos, settings)
    text = encode_prompts(model, [PROMPT]).repeated(len(crops))
    generator = torch.Generator().manual_seed(SEED)
    ours = step_loss(model, model.unet, crops, text, settings, generator)
    added = None
    if text.pooled is not None:
        rows = [[*one.original_size_hw, *one.crop_top_left_yx, 32.0, 32.0] for one in crops]
        added = {"text_embeds": text.pooled, "time_ids": torch.tensor(rows)}
    expected = theirs(
        model,
        pixels,
        text.tokens,
        added,
        prior=settings.with_prior_preservation,
        gamma=settings.snr_gamma,
        offset=settings.offset_noise,
    )
    return ours.total, expected


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def predicting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DiffusionModel, Path]:
    folder = tmp_path_factory.mktemp("model")
    with quiet_libraries():
        save_tiny_sd(folder, prediction_type=request.param, vae_levels=4)
    return load_model(folder), folder


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mask_normalize": "none"},
        {"snr_gamma": GAMMA},
        {"with_prior_preservation": True},
        {"with_prior_preservation": True, "snr_gamma": GAMMA, "offset_noise": True},
    ],
)
def test_without_masks_the_loss_is_diffusers(
    predicting: tuple[DiffusionModel, Path], photos: Path, batch: int, changes: dict[str, Any]
) -> None:
    ours, expected = both(*predicting, photos, train_batch_size=batch, **changes)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 3])
def test_without_masks_sdxls_loss_is_diffusers(tiny_sdxl: Path, photos: Path, batch: int) -> None:
    model = load_model(tiny_sdxl)
    ours, expected = both(model, tiny_sdxl, photos, train_batch_size=batch, snr_gamma=GAMMA)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)


def test_a_predicted_variance_is_left_out(tiny_sd: Path, photos: Path) -> None:
    model = replace(load_model(tiny_sd), unet=tiny_unet(out_channels=8))
    ours, expected = both(model, tiny_sd, photos)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)


def test_the_background_has_no_gradient_and_is_told_apart(tiny_sd: Path, photos: Path) -> None:
    model = load_model(tiny_sd)
    settings = small_run(tiny_sd, photos, Path("out"))
    crops, _ = crops_of(model, photos, settings)
    text = encode_prompts(model, [PROMPT])
    kept: list[torch.Tensor] = []

    def unet(*arguments: Any, **options: Any) -> tuple[torch.Tensor]:
        kept.append(model.unet(*arguments, **options)[0].detach().requires_grad_())
        return (kept[-1],)

    generator = torch.Generator().manual_seed(SEED)
    loss = step_loss(model, unet, crops, text, settings, generator)  # type: ignore[arg-type]
    (gradient,) = torch.autograd.grad(loss.total, kept[0])
    mask = F.avg_pool2d(crops[0].mask[None], 2).expand_as(kept[0])
    assert not gradient[mask == 0].any()
    assert gradient[mask == 1].all()
    torch.testing.assert_close(loss.inside, loss.total.detach())
    assert loss.outside > 0 and loss.outside != loss.inside
