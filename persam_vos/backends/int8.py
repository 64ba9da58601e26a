"""Quantize linear layers and convolutions to int8, for runtimes that have such products.

Activations are quantized per tensor, by the range in a calibration, and weights per output channel
(Jacob et al., arXiv 1712.05877; Nagel et al., arXiv 2106.08295). In torch the quantization is
simulated; an exported file holds it as pairs of QuantizeLinear and DequantizeLinear, from which a
runtime makes products of integers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .calibration import Calibration

_LEVELS = 255  # steps between least and greatest
_GREATEST = 127  # of a weight


def fake_quantize(x: Tensor, least: float, greatest: float) -> Tensor:
    """Round numbers, (...) float32, to the nearest of 256 levels in a range; zero is a level."""
    step = (greatest - least) / _LEVELS
    return torch.fake_quantize_per_tensor_affine(x, step, round(-least / step), 0, _LEVELS)


def quantize_int8(module: nn.Module, calibration: Calibration) -> None:
    """Make the layers that ``calibration`` names compute in int8, in place.

    Raises AttributeError for a name that the module does not have.
    """
    for name, (least, greatest) in calibration.items():
        parent, _, child = name.rpartition(".")
        layer = module.get_submodule(name)
        setattr(module.get_submodule(parent), child, _QuantizedLayer(layer, least, greatest))


class _QuantizedLayer(nn.Module):
    """A layer that computes with its inputs and weights rounded to int8."""

    steps: Tensor
    zeros: Tensor

    def __init__(self, layer: nn.Module, least: float, greatest: float) -> None:
        super().__init__()
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            raise TypeError(f"got {type(layer).__name__}, expected a linear layer or a convolution")
        self.layer = layer
        weight = layer.weight.detach()
        self.register_buffer("steps", weight.flatten(1).abs().amax(dim=1) / _GREATEST)
        self.register_buffer("zeros", torch.zeros(len(weight), dtype=torch.int32))
        self.shift = 0.0
        if isinstance(layer, nn.Linear) or not any(layer.padding):
            # Numbers that count from their least need no correction after the product.
            step = (greatest - least) / _LEVELS
            self.shift = round(-least / step) * step
            bias = 0 if layer.bias is None else layer.bias.detach()
            layer.bias = nn.Parameter(bias - self.shift * self._weight().flatten(1).sum(dim=1))
        self.range = (least + self.shift, greatest + self.shift)

    def _weight(self) -> Tensor:
        weight: Tensor = torch.fake_quantize_per_channel_affine(
            self.layer.weight, self.steps, self.zeros, 0, -_GREATEST - 1, _GREATEST
        )
        return weight

    def forward(self, x: Tensor) -> Tensor:
        layer, weight = self.layer, self._weight()
        x = fake_quantize(x + self.shift, *self.range)
        if isinstance(layer, nn.Linear):
            return F.linear(x, weight, layer.bias)
        return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding)
