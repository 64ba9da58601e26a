"""Export TinyViT as ONNX, for other runtimes: the same module, one graph for every size."""

from __future__ import annotations

import copy
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from ..geometry import PATCH
from ..sam import tiny_vit
from ..sam.tiny_vit import TinyViT, WindowAttention
from . import int8

INPUT = "images"
STRIDES = (16, 8, 4)  # of the outputs
_OUTPUTS = ("features", "layer_s8", "layer_s4")
_OPSET = 17  # the first with layer norm as one operation
_SIDE = 4 * PATCH  # any will do: sizes are computed in the graph


class _ApartAttention(WindowAttention):
    """Attention with one product each for q, k and v: none has to be cut out of another.

    Nothing but its shape is different: q is scaled by its weights.
    """

    def __init__(self, attention: WindowAttention) -> None:
        width = attention.qkv.in_features
        super().__init__(width, attention.heads, attention.window)
        self.load_state_dict(attention.state_dict())
        # MobileSAM keeps q, k and v of one head together
        weights = self.qkv.weight.view(self.heads, 3, -1, width)
        biases = self.qkv.bias.view(self.heads, 3, -1)
        scales = (weights.shape[2] ** -0.5, 1, 1)
        self.apart = nn.ModuleList(nn.Linear(width, width) for _ in scales)
        for index, scale in enumerate(scales):
            state = {
                "weight": weights[:, index].reshape(width, width) * scale,
                "bias": biases[:, index].reshape(width) * scale,
            }
            self.apart[index].load_state_dict(state)
        del self.qkv

    def attend(self, x: Tensor) -> Tensor:
        """Attend in windows of cells, (windows, cells, C); returns as much."""
        windows, cells, channels = x.shape
        x = self.norm(x)
        query, key, value = (
            layer(x).view(windows, cells, self.heads, -1).transpose(1, 2) for layer in self.apart
        )
        weights = (query @ key.transpose(-1, -2) + self.attention_bias[None]).softmax(-1)
        out: Tensor = (weights @ value).transpose(1, 2).reshape(windows, cells, channels)
        return out


class Exportable(nn.Module):
    """TinyViT in the form that runs fastest: (1, 3, H, W) images to three (1, h w, C) layers."""

    def __init__(self, encoder: TinyViT) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder)
        for block in list(self.encoder.modules()):
            attention = getattr(block, "attn", None)
            if isinstance(attention, WindowAttention):
                block.attn = _ApartAttention(attention)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Encode images as ``SamNetwork.encode_layers``, with cells in rows."""
        features, stages = self.encoder.forward_stages(images)
        return tuple(
            layer.permute(0, 2, 3, 1).flatten(1, 2) for layer in (features, stages[1], stages[0])
        )


def export_encoder(module: Exportable) -> bytes:
    """Return an ONNX file: `INPUT`, (1, 3, H, W), to what ``module`` returns for it.

    Outputs are float32, (1, h w, C), with the `STRIDES`. Both sides of the input are multiples of
    16; anything that torch's exporter raises goes through.
    """
    images = torch.zeros((1, 3, _SIDE, _SIDE))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
        # The check of the sides is not traced, and the exporter that traces is being retired; the
        # other one needs one more package.
        warnings.simplefilter("ignore")
        path = Path(folder, "encoder.onnx")
        torch.onnx.export(
            module,
            (images,),
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            input_names=[INPUT],
            output_names=list(_OUTPUTS),
            dynamic_axes={INPUT: {2: "height", 3: "width"}},
        )
        return path.read_bytes()


def export_fingerprint() -> str:
    """Return, as text, all that an exported file depends on beside the weights."""
    files = (__file__, int8.__file__, tiny_vit.__file__)
    sources = (Path(file).read_text(encoding="utf-8") for file in files)
    return "\n".join((torch.__version__, *sources))
