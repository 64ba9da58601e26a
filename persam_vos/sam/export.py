"""Export TinyViT as ONNX, for other runtimes: the same module, one graph for every size."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from . import tiny_vit
from .geometry import PATCH
from .tiny_vit import TinyViT

INPUT = "images"
_OUTPUTS = ("features", "fine", "finest")
_OPSET = 17  # the first with layer norm as one operation
_SIDE = 4 * PATCH  # any will do: sizes are computed in the graph


class _ChannelsLast(nn.Module):
    """The layers that the memory reads, with channels last, as TinyViT leaves them in memory."""

    def __init__(self, encoder: TinyViT) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        features, stages = self.encoder.forward_stages(images)
        return tuple(layer.permute(0, 2, 3, 1) for layer in (features, stages[1], stages[0]))


def export_encoder(encoder: TinyViT) -> bytes:
    """Return an ONNX file: `INPUT`, (1, 3, H, W), to what ``SamNetwork.encode_layers`` returns.

    Outputs are float32 with channels last, (1, h, w, C). Both sides of the input are multiples of
    16; anything that torch's exporter raises goes through.
    """
    images = torch.zeros((1, 3, _SIDE, _SIDE))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
        # The check of the sides is not traced, and the exporter that traces is being retired; the
        # other one needs one more package.
        warnings.simplefilter("ignore")
        path = Path(folder, "encoder.onnx")
        torch.onnx.export(
            _ChannelsLast(encoder).eval(),
            (images,),
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            input_names=[INPUT],
            output_names=list(_OUTPUTS),
            dynamic_axes={INPUT: {2: "height", 3: "width"}},
        )
        return path.read_bytes()


def export_recipe() -> str:
    """Name all that an exported file depends on beside the weights."""
    sources = (Path(file).read_text(encoding="utf-8") for file in (__file__, tiny_vit.__file__))
    return "\n".join((torch.__version__, *sources))
