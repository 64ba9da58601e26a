"""Layers in int8 against products of integers, written out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from persam_vos.backends.int8 import fake_quantize, quantize_int8

LEAST, GREATEST = -0.7, 2.1


def integers(x: torch.Tensor) -> tuple[np.ndarray, float, int]:
    """Numbers as 8 bits hold them, their step, and the integer that is zero."""
    step = (GREATEST - LEAST) / 255
    zero = round(-LEAST / step)
    return np.clip(np.rint(x.numpy() / step) + zero, 0, 255).astype(np.int64), step, zero


def test_numbers_are_rounded_to_the_nearest_of_256_and_zero_stays_zero() -> None:
    x = torch.linspace(-1, 3, 1001)
    whole, step, zero = integers(x)
    np.testing.assert_allclose(fake_quantize(x, LEAST, GREATEST), (whole - zero) * step, atol=1e-6)
    assert fake_quantize(torch.zeros(1), LEAST, GREATEST).item() == 0
    assert len(set(fake_quantize(x, LEAST, GREATEST).tolist())) == 256


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["linear", "pointwise", "padded"])
def test_a_layer_multiplies_integers(kind: str, bias: bool) -> None:
    torch.manual_seed(0)
    layers: dict[str, Callable[[], nn.Linear | nn.Conv2d]] = {
        "linear": lambda: nn.Linear(6, 4, bias=bias),
        "pointwise": lambda: nn.Conv2d(6, 4, 1, bias=bias),
        "padded": lambda: nn.Conv2d(6, 4, 3, stride=2, padding=1, bias=bias),
    }
    layer = layers[kind]()
    x = torch.randn(5, 6) if kind == "linear" else torch.randn(1, 6, 7, 5)
    module = nn.Sequential(nn.Identity(), nn.Sequential(layer)).requires_grad_(False)
    weight = layer.weight.detach().clone()
    known = torch.zeros(4) if layer.bias is None else layer.bias.detach().clone()
    quantize_int8(module, {"1.0": (LEAST, GREATEST)})

    whole, step, zero = integers(x)
    steps = weight.flatten(1).abs().amax(dim=1) / 127
    columns = steps.view(-1, *[1] * (weight.dim() - 1))
    products = torch.from_numpy(whole - zero).double(), (weight / columns).round().double()
    if isinstance(layer, nn.Linear):
        expected = F.linear(*products) * step * steps + known
    else:
        expected = F.conv2d(*products, stride=layer.stride, padding=layer.padding)
        expected = expected * (step * steps)[:, None, None] + known[:, None, None]
    torch.testing.assert_close(module(x).double(), expected, atol=2e-5, rtol=1e-5)


def test_what_cannot_be_rounded_is_an_error() -> None:
    module = nn.Sequential(nn.GELU())
    with pytest.raises(AttributeError):
        quantize_int8(module, {"1": (0.0, 1.0)})
    with pytest.raises(TypeError, match="got GELU"):
        quantize_int8(module, {"0": (0.0, 1.0)})
