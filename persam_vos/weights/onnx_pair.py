"""Read MobileSAM from a pair of ONNX files: image encoder, and prompt encoder with mask decoder.

The exporter folded the batch norms, and renamed what it transposed or folded to ``onnx::...``; but
every node is named after the module that it came from (``/layers.1/blocks.0/attn/qkv/MatMul``), so
names are read off the nodes that use such a tensor, not off the tensors' order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from ..errors import WeightsError

_EXPECTED = "the pair encoder.onnx and sam.onnx of MobileSAM"
_REMEDY = "give both files, or run 'persam-vos weights fetch mobile-sam'"
_ENCODER_MARK = "neck.0.weight"  # a tensor that only the image encoder has
_DECODER_MARK = "mask_decoder.output_upscaling.0.weight"


def read_onnx_pair(paths: Sequence[Path]) -> dict[str, Tensor]:
    """Read both files, in any order, into one state dict of canonical names, float32 on the CPU.

    Raises WeightsError when a file is no ONNX file, or when the two are not the pair.
    """
    state: dict[str, Tensor] = {}
    found: set[str] = set()
    for path in paths:
        graph = _load_graph(path)
        tensors = {item.name: _tensor(item) for item in graph.initializer}
        if _ENCODER_MARK in tensors:
            found.add("encoder")
            state |= _encoder_state(graph, tensors)
        elif _DECODER_MARK in tensors:
            found.add("decoder")
            state |= _decoder_state(graph, tensors)
        else:
            got = f"an ONNX file with {len(tensors)} tensors of another network"
            raise WeightsError(str(path), got=got, expected=_EXPECTED, remedy=_REMEDY)
    if len(found) != 2 or len(paths) != 2:
        names = ", ".join(str(path) for path in paths)
        raise WeightsError(names, got=f"{len(paths)} file(s)", expected=_EXPECTED, remedy=_REMEDY)
    return state


def _load_graph(path: Path) -> onnx.GraphProto:
    try:
        return onnx.load(str(path), format="protobuf", load_external_data=False).graph
    except Exception as error:  # protobuf's own error classes differ between its versions
        got = "a file that is not ONNX, or is cut short"
        raise WeightsError(str(path), got=got, expected=_EXPECTED, remedy=_REMEDY) from error


def _encoder_state(graph: onnx.GraphProto, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    state = _named_by_nodes(graph, tensors)
    state |= {name: tensor for name, tensor in tensors.items() if not name.startswith("onnx::")}
    state |= _attention_biases(graph)
    return {f"image_encoder.{name}": tensor for name, tensor in state.items()}


def _decoder_state(graph: onnx.GraphProto, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for name, tensor in _named_by_nodes(graph, tensors).items():
        if name == ".weight":  # a product outside of any module
            state["prompt_encoder.no_mask_embed.weight"] = tensor.reshape(1, -1)
        else:
            owner = "prompt_encoder" if name.startswith("mask_downscaling") else "mask_decoder"
            state[f"{owner}.{name}"] = tensor
    for name, tensor in tensors.items():
        if name.startswith("onnx::Expand"):  # (1, 5, C): the IoU token, then four mask tokens
            state["mask_decoder.iou_token.weight"] = tensor[0, :1].clone()
            state["mask_decoder.mask_tokens.weight"] = tensor[0, 1:].clone()
        elif not name.startswith("onnx::"):
            state[name.removeprefix("model.")] = tensor
    return state


def _named_by_nodes(graph: onnx.GraphProto, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Name the tensors called ``onnx::...`` after the modules of the nodes that use them."""
    state: dict[str, Tensor] = {}
    for node in graph.node:
        renamed = [name for name in node.input if name.startswith("onnx::") and name in tensors]
        values = [tensors[name] for name in renamed]
        module = _module_name(node.name)
        if node.op_type == "Conv" and len(values) == 2:
            state[f"{module}.weight"], state[f"{module}.bias"] = values
        elif node.op_type == "MatMul" and values:
            state[f"{module}.weight"] = values[0].T.contiguous()
        elif node.op_type == "Mul" and values:  # LayerNorm2d, (C, 1, 1)
            state[f"{module}.weight"] = values[0].flatten()
        elif node.op_type == "Add" and values:
            state[f"{module}.bias"] = values[0].flatten()
    return state


def _attention_biases(graph: onnx.GraphProto) -> dict[str, Tensor]:
    """Find the constants, (heads, N, N), that are added to the attention scores."""
    constants = {
        node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"
    }
    biases: dict[str, Tensor] = {}
    for node in graph.node:
        if not node.name.endswith("/attn/Add"):
            continue
        for name in node.input:
            if name in constants:
                biases[f"{_module_name(node.name)}.attention_bias"] = _tensor(constants[name])
    return biases


def _module_name(node_name: str) -> str:
    """Turn ``/patch_embed/seq/seq.0/c/Conv`` into ``patch_embed.seq.0``."""
    parts = node_name.strip("/").split("/")[:-1]
    # A Sequential's name stands twice, and ``c`` was a convolution beside its batch norm.
    kept = [
        part
        for part, following in pairwise([*parts, ""])
        if not following.startswith(f"{part}.") and part != "c"
    ]
    return ".".join(kept)


def _tensor(proto: onnx.TensorProto) -> Tensor:
    # A copy, because the array looks into the file's read-only bytes.
    return torch.from_numpy(numpy_helper.to_array(proto).copy()).float()
