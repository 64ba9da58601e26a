"""Pictures that a model makes of prompts, as class images and for validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..structures import RgbImage
from .extra import quiet_libraries
from .models import DiffusionModel, make_pipeline


@torch.no_grad()
def sample_pictures(
    model: DiffusionModel,
    prompts: Sequence[str],
    generators: Sequence[torch.Generator],
    *,
    side: int,
    steps: int,
    batch_size: int = 4,
) -> np.ndarray[tuple[int, int, int, int], np.dtype[np.float32]]:
    """Make a square picture of each prompt, (N, side, side, 3) float32 RGB in [0, 1].

    Each has its own generator, so that it does not depend on the others. The sampler is
    DPM-Solver++; guidance is the pipeline's default. Networks are in evaluation mode meanwhile.
    """
    pipeline = make_pipeline(model)
    training = [one for one in model.networks.values() if one.training]
    for one in training:
        one.eval()
    batches = []
    with quiet_libraries():
        for first in range(0, len(prompts), batch_size):
            latents = pipeline(
                prompt=list(prompts[first : first + batch_size]),
                generator=list(generators[first : first + batch_size]),
                height=side,
                width=side,
                num_inference_steps=steps,
                output_type="latent",
            ).images
            batches.append(_decoded(model, latents))
    for one in training:
        one.train()
    return torch.cat(batches).numpy()


def as_image(picture: np.ndarray[tuple[int, int, int], np.dtype[np.float32]]) -> RgbImage:
    """Return a picture in [0, 1] as 8-bit RGB, rounded as diffusers rounds."""
    return (picture * 255).round().astype(np.uint8)


def _decoded(model: DiffusionModel, latents: torch.Tensor) -> torch.Tensor:
    """Decode latents in the autoencoder's precision, which may be more than the UNet's."""
    latents = latents.to(model.vae.dtype) / model.vae.config.scaling_factor
    decoded: torch.Tensor = model.vae.decode(latents, return_dict=False)[0].float()
    return (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu()  # (B, 3, H, W) to (B, H, W, 3)
