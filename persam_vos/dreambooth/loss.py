"""The loss of denoising where a subject is, and nowhere else.

With e = (prediction - target)², (B, C, h, w), and weights w = max(mask, unmasked_weight),
(B, 1, h, w), the loss of a sample is ``sum(w e) / (C sum(w))``, of ``normalize="area"``, or
``mean(w e)``. PerSAM's paper (section 3.4) drops what is outside of the mask, by an
``unmasked_weight`` of 0. By ``area`` a small subject teaches as much as a large one, and with a
mask of ones both are the plain mean squared error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch

from ..errors import UsageError, param, require_one_of
from .settings import MASK_NORMALIZES, MaskNormalize

PredictionType = Literal["epsilon", "v_prediction"]

PREDICTION_TYPES: tuple[PredictionType, ...] = get_args(PredictionType)


@dataclass(frozen=True, slots=True)
class MinSnr:
    """Min-SNR weights of timesteps; consumed by `dreambooth_loss`.

    ``gamma`` is the SNR from which a timestep counts less, 5 in the paper; ``alphas_cumprod`` (T,)
    are the noise scheduler's. See `min_snr_weights`.
    """

    gamma: float
    alphas_cumprod: torch.Tensor
    prediction_type: PredictionType = "epsilon"

    def of(self, timesteps: torch.Tensor) -> torch.Tensor:
        """Return the weights (B,) float32 of timesteps (B,) int64."""
        return min_snr_weights(self.alphas_cumprod, timesteps, self.gamma, self.prediction_type)


def masked_loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    mask: torch.Tensor,
    *,
    unmasked_weight: float = 0.0,
    normalize: MaskNormalize = "area",
    snr_weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the mean of `per_sample_loss` over a batch, a float32 scalar.

    ``snr_weights`` (B,) multiply the samples' losses, see `min_snr_weights`. Raises UsageError as
    `per_sample_loss` does.

    >>> noise, mask = torch.zeros(1, 4, 8, 8), torch.zeros(1, 1, 8, 8)
    >>> mask[..., :2] = 1  # the left quarter is the subject
    >>> float(masked_loss(noise + 1, noise, mask))
    1.0
    >>> float(masked_loss(noise + 1, noise, mask, normalize="none"))
    0.25
    """
    loss = per_sample_loss(
        prediction, target, mask, unmasked_weight=unmasked_weight, normalize=normalize
    )
    return (loss if snr_weights is None else loss * snr_weights).mean()


def per_sample_loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    mask: torch.Tensor,
    *,
    unmasked_weight: float = 0.0,
    normalize: MaskNormalize = "area",
) -> torch.Tensor:
    """Return the loss of each sample, (B,) float32.

    ``target`` is (B, C, h, w), noise or velocity; ``prediction`` the same, or (B, 2 C, h, w) of a
    model that predicts variance, too, in the second half, which is left out. ``mask`` (B, 1, h, w)
    is in [0, 1], 1 on the subject. Where weights are 0, prediction and target count for nothing,
    even if they are not finite; the loss of a sample without any weight is 0. Raises UsageError for
    shapes that do not fit, and for options out of their range.
    """
    _check(prediction, target, mask, unmasked_weight, normalize)
    channels = target.shape[1]
    weight = mask.float().clamp(min=unmasked_weight)
    difference = prediction[:, :channels].float() - target.float()
    weighted = weight * torch.where(weight > 0, difference, 0).square()
    if normalize == "none":
        return weighted.mean(dim=(1, 2, 3))
    least = torch.finfo(torch.float32).tiny  # instead of nothing, which nothing is divided by
    return weighted.sum(dim=(1, 2, 3)) / (channels * weight.sum(dim=(1, 2, 3))).clamp(min=least)


def min_snr_weights(
    alphas_cumprod: torch.Tensor,
    timesteps: torch.Tensor,
    gamma: float,
    prediction_type: PredictionType = "epsilon",
) -> torch.Tensor:
    """Return min(SNR, gamma) / SNR of timesteps, (B,) float32; by v / (SNR + 1) instead.

    ``alphas_cumprod`` (T,) are the noise scheduler's, SNR is a / (1 - a), ``timesteps`` (B,) int64.
    From "Efficient Diffusion Training via Min-SNR Weighting Strategy", Hang et al. 2023, as weights
    of errors of the noise or the velocity. Where a scheduler leaves no signal at all, the weights
    are the limits, 1 and 0. Raises UsageError for an unknown ``prediction_type``, and a ``gamma``
    that is not above 0.
    """
    require_one_of("prediction_type", prediction_type, PREDICTION_TYPES)
    if not gamma > 0:
        raise UsageError(param("snr_gamma"), got=str(gamma), expected="more than 0")
    signal = alphas_cumprod.to(timesteps.device).float()[timesteps]
    noise = 1 - signal
    # min(s / n, gamma) / (s / n) = min(1, gamma n / s), and the same over (s / n + 1) = 1 / n.
    if prediction_type == "epsilon":
        return (gamma * noise / signal).clamp(max=1)
    return torch.minimum(signal, gamma * noise)


def dreambooth_loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    mask: torch.Tensor,
    timesteps: torch.Tensor,
    *,
    prior_loss_weight: float | None = None,
    unmasked_weight: float = 0.0,
    normalize: MaskNormalize = "area",
    snr: MinSnr | None = None,
) -> torch.Tensor:
    """Return the loss of a batch, whose second half are class images if priors are preserved.

    Shapes are those of `per_sample_loss`; ``timesteps`` are (B,) int64. With ``prior_loss_weight``
    the mean squared error of the class images, in all places and at all timesteps alike, is added
    by that weight; ``mask`` is (B / 2, 1, h, w) then, of the instance images alone, to which
    ``snr`` applies, too. Raises UsageError as `per_sample_loss` does.
    """
    count = len(prediction)
    prior: torch.Tensor | float = 0.0
    if prior_loss_weight is not None:
        if count % 2:
            raise UsageError(
                param("prior_loss_weight"),
                got=f"a batch of {count}",
                expected="instance images and as many class images",
            )
        count //= 2
        channels = target.shape[1]
        difference = prediction[count:, :channels].float() - target[count:].float()
        prior = prior_loss_weight * difference.square().mean()
    instance = masked_loss(
        prediction[:count],
        target[:count],
        mask,
        unmasked_weight=unmasked_weight,
        normalize=normalize,
        snr_weights=None if snr is None else snr.of(timesteps[:count]),
    )
    return instance + prior


def _check(
    prediction: torch.Tensor,
    target: torch.Tensor,
    mask: torch.Tensor,
    unmasked_weight: float,
    normalize: str,
) -> None:
    require_one_of("normalize", normalize, MASK_NORMALIZES)
    if not 0 <= unmasked_weight <= 1:
        raise UsageError(param("unmasked_weight"), got=str(unmasked_weight), expected="0 to 1")
    batch, channels, *size_hw = target.shape
    shapes = ((batch, channels, *size_hw), (batch, 2 * channels, *size_hw))
    if target.ndim != 4 or tuple(prediction.shape) not in shapes:
        raise UsageError(
            param("prediction"),
            got=f"shape {tuple(prediction.shape)} for a target of {tuple(target.shape)}",
            expected="(B, C, h, w) of both, or 2 C channels with variance",
        )
    if tuple(mask.shape) != (batch, 1, *size_hw):
        raise UsageError(
            param("mask"),
            got=f"shape {tuple(mask.shape)}",
            expected=f"{(batch, 1, *size_hw)}, a mask for each target at its size",
            remedy="resize it by latent_mask",
        )
