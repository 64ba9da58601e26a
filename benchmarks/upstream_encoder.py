"""MobileSAM's encoder in the operations of its upstream code, with the weights of ours.

Eager PyTorch on the padded square: each convolution followed by its batch norm, tensors with
channels first, tokens in rows of (B, H * W, C) that are reshaped for every convolution, attention
as a product, a softmax and a product, and nothing done in place. The weights at hand have their
batch norms folded already, so that these change nothing, but they are computed as in the original.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from persam_vos.geometry import IMAGE_SIZE
from persam_vos.sam import tiny_vit


def upstream_encoder(ours: tiny_vit.TinyViT) -> nn.Module:
    """Return an encoder of (1, 3, 1024, 1024) with the results of ours."""
    return _UpstreamTinyViT(ours).eval().requires_grad_(False)


class _UpstreamTinyViT(nn.Module):
    def __init__(self, ours: tiny_vit.TinyViT) -> None:
        super().__init__()
        self.img_size = IMAGE_SIZE
        first, _, second = ours.patch_embed.seq
        self.patch_embed = nn.Sequential(_conv_bn(first), nn.GELU(), _conv_bn(second))
        stages: list[nn.Module] = []
        for stage in ours.layers:
            assert isinstance(stage, tiny_vit._Stage)
            stages += [_block(block) for block in stage.blocks]
            if isinstance(stage.downsample, tiny_vit._PatchMerging):
                stages.append(_bottleneck(stage.downsample, residual=False))
        self.stages = nn.Sequential(*stages)
        self.neck = ours.neck

    def forward(self, images: Tensor) -> Tensor:
        x: Tensor = self.neck(self.stages(self.patch_embed(images.contiguous())))
        return x


def _conv_bn(conv: nn.Module) -> nn.Sequential:
    """A convolution with channels first, and a batch norm that changes nothing."""
    assert isinstance(conv, nn.Conv2d)
    own = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size[0],
        conv.stride[0],
        conv.padding[0],
        groups=conv.groups,
    )
    own.load_state_dict({k: v.contiguous() for k, v in conv.state_dict().items()})
    norm = nn.BatchNorm2d(conv.out_channels)
    assert norm.running_var is not None
    norm.running_var.fill_(1 - norm.eps)
    return nn.Sequential(own, norm).to(conv.weight.device)


def _block(block: nn.Module) -> nn.Module:
    if isinstance(block, tiny_vit._Block):
        return _Attention(block)
    return _bottleneck(block, residual=True)


def _bottleneck(block: nn.Module, *, residual: bool) -> nn.Module:
    convs = [_conv_bn(block.get_submodule(name)) for name in ("conv1", "conv2", "conv3")]
    body = nn.Sequential(convs[0], nn.GELU(), convs[1], nn.GELU(), convs[2])
    return _Residual(body) if residual else body


class _Residual(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(x + self.body(x))


class _Attention(nn.Module):
    """A block of window attention, convolution and MLP, on rows of tokens."""

    def __init__(self, block: tiny_vit._Block) -> None:
        super().__init__()
        self.attention, self.mlp = block.attn, block.mlp
        self.local_conv = _conv_bn(block.local_conv)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        rows = x.flatten(2).transpose(1, 2)  # (B, H * W, C)
        rows = rows + self._windows(rows, (height, width))
        x = self.local_conv(rows.transpose(1, 2).reshape(x.shape))
        rows = x.flatten(2).transpose(1, 2)
        rows = rows + self._feed_forward(rows)
        return rows.transpose(1, 2).reshape(x.shape)

    def _feed_forward(self, rows: Tensor) -> Tensor:
        out: Tensor = self.mlp.fc2(F.gelu(self.mlp.fc1(self.mlp.norm(rows))))
        return out

    def _windows(self, rows: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Cut into windows, padded with zeros, attend in each, put together: (B, H * W, C)."""
        batch, _, channels = rows.shape
        side = self.attention.window
        down, right = (-length % side for length in size_hw)
        x = F.pad(rows.view(batch, *size_hw, channels), (0, 0, 0, right, 0, down))
        high, wide = (x.shape[1] // side, x.shape[2] // side)
        x = x.view(batch, high, side, wide, side, channels).transpose(2, 3)
        x = self._attend(x.reshape(-1, side * side, channels))
        x = x.view(batch, high, wide, side, side, channels).transpose(2, 3)
        x = x.reshape(batch, high * side, wide * side, channels)
        return x[:, : size_hw[0], : size_hw[1]].contiguous().view(rows.shape)

    def _attend(self, x: Tensor) -> Tensor:
        windows, cells, _ = x.shape
        heads = self.attention.heads
        qkv = self.attention.qkv(self.attention.norm(x)).view(windows, cells, heads, -1)
        query, key, value = (part.permute(0, 2, 1, 3) for part in qkv.chunk(3, dim=3))
        affinity = (query @ key.transpose(-2, -1)) * query.shape[-1] ** -0.5
        weights = (affinity + self.attention.attention_bias).softmax(dim=-1)
        out: Tensor = self.attention.proj((weights @ value).transpose(1, 2).reshape(x.shape))
        return out
