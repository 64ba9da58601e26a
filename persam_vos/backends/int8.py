"""Linear layers and convolutions whose products are of 8-bit numbers, for runtimes that have them.

What a layer reads is rounded by one range for all of it, its weights by one for each output channel
(Jacob et al., arXiv 1712.05877; Nagel et al., arXiv 2106.08295). In torch the rounding is only
played; an exported file holds it as pairs of QuantizeLinear and DequantizeLinear, from which a
runtime makes products of integers.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Ranges = Mapping[str, tuple[float, float]]
"""Least and greatest number of what each layer to be rounded reads, by the name of its module; zero
is between them. What lies outside is clipped."""

_LEVELS = 255  # steps between least and greatest
_GREATEST = 127  # of a weight


def rounded(x: Tensor, least: float, greatest: float) -> Tensor:
    """Round numbers, (...) float32, to the nearest of 256 between two; zero is one of them."""
    step = (greatest - least) / _LEVELS
    return torch.fake_quantize_per_tensor_affine(x, step, round(-least / step), 0, _LEVELS)


def quantize_int8(module: nn.Module, ranges: Ranges) -> None:
    """Make the layers that ``ranges`` names compute in 8 bits, in place.

    Raises AttributeError for a name that the module does not have.
    """
    for name, (least, greatest) in ranges.items():
        parent, _, child = name.rpartition(".")
        layer = module.get_submodule(name)
        setattr(module.get_submodule(parent), child, _Rounded(layer, least, greatest))


class _Rounded(nn.Module):
    """A layer that computes with what 8 bits can hold of its inputs and weights."""

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
        x = rounded(x + self.shift, *self.range)
        if isinstance(layer, nn.Linear):
            return F.linear(x, weight, layer.bias)
        return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding)
