"""The loss, held against one written out in float64, and against diffusers' own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F

from persam_vos.dreambooth.loss import (
    MinSnr,
    PredictionType,
    dreambooth_loss,
    masked_loss,
    min_snr_weights,
    per_sample_loss,
)
from persam_vos.dreambooth.settings import MaskNormalize
from persam_vos.errors import UsageError

MODES = pytest.mark.parametrize("normalize", get_args(MaskNormalize))
KINDS = pytest.mark.parametrize("kind", get_args(PredictionType))
GAMMA = 5.0
Array = npt.NDArray[np.float64]


def alphas_cumprod() -> torch.Tensor:
    """Stable Diffusion's: scaled_linear betas from 0.00085 to 0.012."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(dim=0).float()


def drawn(batch: int = 3, channels: int = 4, side: int = 6, seed: int = 0) -> list[torch.Tensor]:
    """Return prediction, target and a mask with zeros, ones and what is between."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, channels, side, side)
    prediction, target = (torch.randn(shape, generator=generator) for _ in range(2))
    mask = torch.rand((batch, 1, side, side), generator=generator)
    mask[mask < 0.5] = 0
    mask[mask > 0.8] = 1
    return [prediction, target, mask]


def gradient_of(loss: torch.Tensor, leaf: torch.Tensor) -> torch.Tensor:
    (gradient,) = torch.autograd.grad(loss, leaf)
    return gradient


def as_float64(*tensors: torch.Tensor) -> list[Array]:
    return [one.detach().numpy().astype(np.float64) for one in tensors]


def plain_sample(e: Array, w: Array, normalize: str) -> tuple[float, Array]:
    """The loss of a sample and what it weighs each squared error with, in loops of float64."""
    channels, height, width = e.shape
    total, area = 0.0, 0.0
    for y in range(height):
        for x in range(width):
            area += w[0, y, x]
            for c in range(channels):
                total += w[0, y, x] * e[c, y, x]
    divisor = channels * area if normalize == "area" else channels * height * width
    return total / divisor, np.broadcast_to(w, e.shape) / divisor


def plain_snr(timestep: int, kind: str) -> float:
    """As in diffusers' script: SNR from square roots, and the weight of one timestep."""
    signal = float(alphas_cumprod()[timestep])
    snr = (np.sqrt(signal) / np.sqrt(1 - signal)) ** 2
    return float(min(snr, GAMMA) / (snr if kind == "epsilon" else snr + 1))


def plain_loss(
    prediction: Array, target: Array, mask: Array, scales: list[float], unmasked: float, mode: str
) -> tuple[float, Array]:
    """The mean over a batch, and its gradient, by the definitions alone."""
    gradient, losses = np.zeros_like(prediction), []
    for b, scale in enumerate(scales):
        difference = prediction[b] - target[b]
        loss, weight = plain_sample(difference**2, np.maximum(mask[b], unmasked), mode)
        losses.append(scale * loss)
        gradient[b] = scale * 2 * weight * difference / len(scales)
    return float(np.mean(losses)), gradient


@MODES
@pytest.mark.parametrize("unmasked", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("batch", [1, 3])
def test_loss_and_gradient_are_those_written_out_in_float64(
    normalize: MaskNormalize, unmasked: float, batch: int
) -> None:
    prediction, target, mask = drawn(batch)
    prediction.requires_grad_()
    loss = masked_loss(prediction, target, mask, unmasked_weight=unmasked, normalize=normalize)
    gradient = gradient_of(loss, prediction)
    p, t, m = as_float64(prediction, target, mask)
    true_loss, true_gradient = plain_loss(p, t, m, [1.0] * batch, unmasked, normalize)
    assert loss.item() == pytest.approx(true_loss, rel=1e-6)
    np.testing.assert_allclose(gradient, true_gradient, rtol=2e-6, atol=1e-9)


@MODES
def test_the_gradient_is_exactly_0_outside_and_nowhere_0_inside(normalize: MaskNormalize) -> None:
    prediction, target, mask = drawn()
    prediction.requires_grad_()
    loss = masked_loss(prediction, target, mask, normalize=normalize)
    gradient = gradient_of(loss, prediction)
    outside = (mask == 0).expand_as(prediction)
    assert torch.equal(gradient[outside], torch.zeros(int(outside.sum())))
    assert (gradient[~outside] != 0).all()


@MODES
def test_a_mask_of_ones_is_the_plain_mean_squared_error(normalize: MaskNormalize) -> None:
    prediction, target, mask = drawn(side=64)
    loss = masked_loss(prediction, target, torch.ones_like(mask), normalize=normalize)
    assert loss.item() == pytest.approx(F.mse_loss(prediction, target).item(), rel=1e-7)


def diffusers_step(
    prediction: torch.Tensor, target: torch.Tensor, timesteps: torch.Tensor, kind: str
) -> torch.Tensor:
    """What its script does with prior preservation and min-SNR, with the timesteps chunked, too."""
    (photos, classes), (target_photos, target_classes) = prediction.chunk(2), target.chunk(2)
    prior = F.mse_loss(classes, target_classes, reduction="mean")
    weights = [plain_snr(int(t), kind) for t in timesteps.chunk(2)[0]]
    loss = F.mse_loss(photos, target_photos, reduction="none").mean(dim=(1, 2, 3))
    return (loss * torch.tensor(weights)).mean() + 0.7 * prior


@MODES
@KINDS
@pytest.mark.parametrize("photos", [1, 3])
@pytest.mark.parametrize("channels", [4, 8])
def test_ones_with_prior_and_min_snr_are_as_in_diffusers(
    normalize: MaskNormalize, kind: PredictionType, photos: int, channels: int
) -> None:
    prediction, target, mask = drawn(2 * photos, 4)
    variance = torch.full_like(prediction, 1e9)[:, : channels - 4]
    timesteps = torch.tensor([20, 700, 400, 999, 3, 250])[: 2 * photos]
    loss = dreambooth_loss(
        torch.cat([prediction, variance], dim=1),
        target,
        torch.ones_like(mask[:photos]),
        timesteps,
        prior_loss_weight=0.7,
        normalize=normalize,
        snr=MinSnr(GAMMA, alphas_cumprod(), kind),
    )
    expected = diffusers_step(prediction, target, timesteps, kind)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


@MODES
@KINDS
@pytest.mark.parametrize("photos", [1, 3])
def test_prior_and_min_snr_with_masks_are_those_written_out_in_float64(
    normalize: MaskNormalize, kind: PredictionType, photos: int
) -> None:
    prediction, target, mask = drawn(2 * photos)
    prediction.requires_grad_()
    timesteps = torch.tensor([20, 700, 400, 999, 3, 250])[: 2 * photos]
    loss = dreambooth_loss(
        prediction,
        target,
        mask[:photos],
        timesteps,
        prior_loss_weight=0.7,
        unmasked_weight=0.05,
        normalize=normalize,
        snr=MinSnr(GAMMA, alphas_cumprod(), kind),
    )
    found = gradient_of(loss, prediction)
    p, t, m = as_float64(prediction, target, mask)
    scales = [plain_snr(int(one), kind) for one in timesteps[:photos]]
    instance, gradient = plain_loss(p[:photos], t[:photos], m[:photos], scales, 0.05, normalize)
    difference = p[photos:] - t[photos:]
    assert loss.item() == pytest.approx(instance + 0.7 * (difference**2).mean(), rel=1e-6)
    np.testing.assert_allclose(found[:photos], gradient, rtol=2e-6, atol=1e-9)
    of_prior = 0.7 * 2 * difference / difference.size
    np.testing.assert_allclose(found[photos:], of_prior, rtol=2e-6, atol=1e-9)


def test_half_the_area_is_the_same_loss_by_area_and_half_of_it_without() -> None:
    target = torch.zeros(1, 4, 8, 8)
    prediction = target + 0.3
    whole, half = torch.zeros(2, 1, 1, 8, 8)
    whole[..., :4], half[..., :2] = 1, 1

    def losses(normalize: MaskNormalize) -> list[float]:
        both = (masked_loss(prediction, target, m, normalize=normalize) for m in (whole, half))
        return [one.item() for one in both]

    assert losses("area") == pytest.approx([0.09, 0.09])
    assert losses("none") == pytest.approx([0.045, 0.0225])


@MODES
def test_targets_of_the_background_do_not_change_one_bit(normalize: MaskNormalize) -> None:
    prediction, target, mask = drawn()
    other = torch.where(mask > 0, target, torch.full_like(target, 1e4))
    results = []
    for one in (target, other, torch.where(mask > 0, target, torch.nan)):
        leaf = prediction.clone().requires_grad_()
        loss = masked_loss(leaf, one, mask, normalize=normalize)
        results.append((loss.item(), gradient_of(loss, leaf)))
    for loss_value, gradient in results[1:]:
        assert loss_value == results[0][0]
        assert torch.equal(gradient.abs(), results[0][1].abs())  # 0 has two signs


@MODES
def test_a_sample_without_weight_is_0_and_leaves_the_others_alone(
    normalize: MaskNormalize,
) -> None:
    prediction, target, mask = drawn(2)
    mask[0] = 0
    prediction.requires_grad_()
    losses = per_sample_loss(prediction, target, mask, normalize=normalize)
    gradient = gradient_of(losses.sum(), prediction)
    assert losses[0] == 0
    assert losses[1] > 0
    assert torch.isfinite(gradient).all()
    assert not gradient[0].any()


def test_half_precision_is_summed_in_float32() -> None:
    prediction, target, mask = drawn(side=64)
    half = [one.half() for one in (prediction, target, mask)]
    loss = masked_loss(*half)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(masked_loss(*(one.float() for one in half)).item())


@KINDS
def test_min_snr_weights_are_the_papers(kind: PredictionType) -> None:
    timesteps = torch.tensor([0, 1, 250, 500, 999])
    weights = min_snr_weights(alphas_cumprod(), timesteps, GAMMA, kind)
    expected = [plain_snr(int(one), kind) for one in timesteps]
    np.testing.assert_allclose(weights, expected, rtol=2e-4)  # 1 - 0.99915 has few digits


@pytest.mark.parametrize(("kind", "limit"), [("epsilon", 1.0), ("v_prediction", 0.0)])
def test_a_timestep_without_signal_has_the_limit_as_its_weight(
    kind: PredictionType, limit: float
) -> None:
    assert min_snr_weights(torch.zeros(1), torch.tensor([0]), GAMMA, kind).item() == limit


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: masked_loss(ones(1, 4, 2, 2), ones(1, 4, 4, 4), ones(1, 1, 4, 4)), "prediction"),
        (lambda: masked_loss(ones(1, 6, 4, 4), ones(1, 4, 4, 4), ones(1, 1, 4, 4)), "2 C channels"),
        (lambda: masked_loss(ones(1, 4, 4, 4), ones(1, 4, 4, 4), ones(1, 1, 8, 8)), "latent_mask"),
        (lambda: masked_loss(ones(1, 4, 4, 4), ones(1, 4, 4, 4), ones(1, 4, 4, 4)), "1, 1, 4, 4"),
        (
            lambda: masked_loss(*[ones(1, 1, 4, 4)] * 3, normalize=cast(Any, "mean")),
            "one of area, none",
        ),
        (lambda: masked_loss(*[ones(1, 1, 4, 4)] * 3, unmasked_weight=1.5), "0 to 1"),
        (lambda: min_snr_weights(ones(9) / 2, torch.tensor([1]), 0.0), "snr_gamma"),
        (
            lambda: min_snr_weights(ones(9) / 2, torch.tensor([1]), 5, cast(Any, "sample")),
            "one of epsilon, v_prediction",
        ),
        (
            lambda: dreambooth_loss(
                ones(3, 1, 4, 4),
                ones(3, 1, 4, 4),
                ones(3, 1, 4, 4),
                torch.tensor([1, 2, 3]),
                prior_loss_weight=1.0,
            ),
            "as many class images",
        ),
    ],
)
def test_what_does_not_fit_is_told(call: Callable[[], torch.Tensor], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        call()


def test_the_loss_is_there_without_the_packages_that_train() -> None:
    code = (
        "import sys\n"
        "for name in ('accelerate', 'diffusers', 'peft', 'transformers'):\n"
        "    sys.modules[name] = None\n"
        "import persam_vos.dreambooth as d\n"
        "assert 'torch' not in sys.modules\n"
        "assert all(getattr(d, name) for name in d.__all__)\n"
        "import persam_vos.dreambooth.photos\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
