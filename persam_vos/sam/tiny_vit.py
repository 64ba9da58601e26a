"""TinyViT as MobileSAM has it, for inference only.

Source: Wu et al., "TinyViT" (arXiv 2207.10666); Zhang et al., "Faster Segment Anything" (arXiv
2306.14289), which sets the last patch merging to stride 1 and adds SAM's neck. Module names are
MobileSAM's. Batch norms are folded into the convolutions, relative attention biases are gathered.
All tensors between modules are (B, C, H, W) with channels last in memory, so that the change
between convolution and attention layout, (B, H, W, C), costs nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..geometry import PATCH

_WIDTHS = (64, 128, 160, 320)
_DEPTHS = (2, 2, 6, 2)
_HEADS = (2, 4, 5, 10)
_WINDOWS = (7, 7, 14, 7)
_EXPANSION = 4  # of the inverted bottlenecks and of the MLPs
_NECK_WIDTH = 256


class TinyViT(nn.Module):
    """MobileSAM's image encoder, 5.7 M parameters.

    Rectangular inputs work if both sides are multiples of 16; there are no absolute positions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = _PatchEmbed(_WIDTHS[0])
        self.layers = nn.ModuleList(_Stage(index) for index in range(len(_WIDTHS)))
        self.neck = nn.Sequential(
            nn.Conv2d(_WIDTHS[-1], _NECK_WIDTH, 1, bias=False),
            _ChannelNorm(_NECK_WIDTH, eps=1e-6),
            nn.Conv2d(_NECK_WIDTH, _NECK_WIDTH, 3, padding=1, bias=False),
            _ChannelNorm(_NECK_WIDTH, eps=1e-6),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Encode normalised images, (B, 3, H, W) float, to features, (B, 256, H/16, W/16)."""
        return self.forward_stages(images)[0]

    def forward_stages(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Encode as `forward`, and return the output of each stage too.

        The stages have strides 4, 8, 16, 16 and 64, 128, 160, 320 channels; each is taken before
        its patch merging. They are by-products: returning them costs nothing.
        """
        if images.shape[2] % PATCH or images.shape[3] % PATCH:
            raise ValueError(
                f"TinyViT: got {tuple(images.shape)}, expected sides that {PATCH} divides"
            )
        x = self.patch_embed(images.contiguous(memory_format=torch.channels_last))
        stages: list[Tensor] = []
        for layer in self.layers:
            stage, x = layer(x)
            stages.append(stage)
        return self.neck(x), tuple(stages)


def _gelu(x: Tensor) -> Tensor:
    """Apply GELU in place: every caller owns ``x``, and a CPU spends a sixth less on a frame."""
    out: Tensor = torch.ops.aten.gelu_(x)
    return out


class _Gelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _gelu(x)


def _pointwise(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a 1 x 1 convolution; on a GPU as one matrix product that adds the bias too."""
    if not x.is_cuda:
        out: Tensor = layer(x)
        return out
    weight = layer.weight.flatten(1)
    return F.linear(x.permute(0, 2, 3, 1), weight, layer.bias).permute(0, 3, 1, 2)


class _PatchEmbed(nn.Module):
    """Two strided convolutions: stride 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(
            nn.Conv2d(3, width // 2, 3, stride=2, padding=1),
            _Gelu(),
            nn.Conv2d(width // 2, width, 3, stride=2, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.seq(x)
        return out


class _Stage(nn.Module):
    """The blocks of one width, and the patch merging to the next (none after the last)."""

    def __init__(self, index: int) -> None:
        super().__init__()
        width = _WIDTHS[index]
        self.blocks = nn.ModuleList(
            _Block(width, _HEADS[index], _WINDOWS[index]) if index else _InvertedBottleneck(width)
            for _ in range(_DEPTHS[index])
        )
        self.downsample: nn.Module = nn.Identity()
        if index + 1 < len(_WIDTHS):
            # Only the last merging keeps the resolution (MobileSAM): the output has stride 16.
            stride = 1 if index + 2 == len(_WIDTHS) else 2
            self.downsample = _PatchMerging(width, _WIDTHS[index + 1], stride)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last block's output, and what the next stage reads."""
        for block in self.blocks:
            x = block(x)
        return x, self.downsample(x)


class _InvertedBottleneck(nn.Module):
    """MBConv: widen, convolve per channel, narrow, add."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = width * _EXPANSION
        self.conv1 = nn.Conv2d(width, hidden, 1)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.conv3 = nn.Conv2d(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = _gelu(_pointwise(self.conv1, x))
        hidden = _gelu(self.conv2(hidden))
        return _gelu(_pointwise(self.conv3, hidden).add_(x))


class _PatchMerging(nn.Module):
    """Change width, and halve the resolution where the stride is 2."""

    def __init__(self, width: int, out_width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out_width, 1)
        self.conv2 = nn.Conv2d(out_width, out_width, 3, stride, padding=1, groups=out_width)
        self.conv3 = nn.Conv2d(out_width, out_width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = _gelu(_pointwise(self.conv1, x))
        x = _gelu(self.conv2(x))
        return _pointwise(self.conv3, x)


class _Block(nn.Module):
    """Window attention, a 3 x 3 convolution per channel, and an MLP."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.attn = WindowAttention(width, heads, window)
        self.local_conv = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.mlp = _Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        x = self.attn(x).add_(x)
        x = self.local_conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        cells = x.flatten(1, 2)
        out: Tensor = self.mlp(cells).add_(cells)
        return out.view(x.shape).permute(0, 3, 1, 2)


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, width * _EXPANSION)
        self.fc2 = nn.Linear(width * _EXPANSION, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(_gelu(self.fc1(self.norm(x))))
        return out


class WindowAttention(nn.Module):
    """Attention inside windows, with a bias for each pair of cells.

    Windows that reach over the border are filled with zeros, which take part in the attention:
    MobileSAM was trained so.
    """

    attention_bias: Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.register_buffer("attention_bias", torch.zeros(heads, window**2, window**2))

    def forward(self, x: Tensor) -> Tensor:
        """Attend in each window of (B, H, W, C); returns as much."""
        batch, height, width, channels = x.shape
        side = self.window
        down, right = -height % side, -width % side
        x = F.pad(x, (0, 0, 0, right, 0, down))
        rows, columns = (height + down) // side, (width + right) // side
        # (B, rows, side, columns, side, C) -> (B * rows * columns, side * side, C)
        x = x.view(batch, rows, side, columns, side, channels).transpose(2, 3)
        x = self.attend(x.reshape(-1, side * side, channels))
        x = x.view(batch, rows, columns, side, side, channels).transpose(2, 3)
        x = x.reshape(batch, height + down, width + right, channels)
        # Each cell is projected for itself, so the fill can go first.
        out: Tensor = self.proj(x[:, :height, :width])
        return out

    def attend(self, x: Tensor) -> Tensor:
        """Attend in windows of cells, (windows, cells, C); returns as much."""
        windows, cells, channels = x.shape
        qkv = self.qkv(self.norm(x))
        # MobileSAM keeps q, k and v of one head together: (windows, heads, cells, 3 * C/heads)
        qkv = qkv.view(windows, cells, self.heads, -1).transpose(1, 2)
        query, key, value = qkv.chunk(3, dim=-1)
        bias = self.attention_bias[None].to(query.dtype)  # fused attention takes 4 dimensions only
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return out.transpose(1, 2).reshape(windows, cells, channels)


class _ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, H, W), SAM's ``LayerNorm2d``."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__(width, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each cell for itself."""
        cells = x.permute(0, 2, 3, 1)
        return super().forward(cells.flatten(1, 2)).view(cells.shape).permute(0, 3, 1, 2)
