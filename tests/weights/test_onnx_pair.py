"""Names read off a small graph, as the exporter writes them; the real pair is in test_formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from persam_vos.errors import WeightsError
from persam_vos.weights.onnx_pair import read_onnx_pair

KERNEL = np.arange(36, dtype=np.float32).reshape(4, 1, 3, 3)
PRODUCT = np.arange(6, dtype=np.float32).reshape(2, 3)
TOKENS = np.arange(10, dtype=np.float32).reshape(1, 5, 2)
BIAS = np.arange(4, dtype=np.float32).reshape(1, 2, 2)


def save(path: Path, nodes: list[onnx.NodeProto], tensors: dict[str, np.ndarray]) -> Path:
    """Write a graph without checking it: only names, nodes and tensors are read."""
    held = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "graph", [], [output], initializer=held)
    onnx.save(helper.make_model(graph), str(path))
    return path


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    nodes = [
        helper.make_node(
            "Conv",
            ["x", "onnx::Conv_1", "onnx::Conv_2"],
            ["y"],
            name="/patch_embed/seq/seq.0/c/Conv",
        ),
        helper.make_node(
            "MatMul", ["y", "onnx::MatMul_3"], ["z"], name="/blocks.1/attn/qkv/MatMul"
        ),
        helper.make_node("Constant", [], ["b"], value=numpy_helper.from_array(BIAS)),
        helper.make_node("Add", ["z", "b"], ["out"], name="/blocks.1/attn/Add"),
    ]
    tensors = {
        "onnx::Conv_1": KERNEL,
        "onnx::Conv_2": np.ones(4, np.float32),
        "onnx::MatMul_3": PRODUCT,
        "neck.0.weight": np.zeros(1, np.float32),
    }
    return save(tmp_path / "encoder.onnx", nodes, tensors)


@pytest.fixture
def decoder(tmp_path: Path) -> Path:
    nodes = [
        helper.make_node("MatMul", ["x", "onnx::MatMul_1"], ["out"], name="/MatMul"),
    ]
    tensors = {
        "onnx::MatMul_1": np.ones((2, 1), np.float32),
        "onnx::Expand_2": TOKENS,
        "model.mask_decoder.iou.weight": np.ones(1, np.float32),
        "mask_decoder.output_upscaling.0.weight": np.zeros(1, np.float32),
    }
    return save(tmp_path / "sam.onnx", nodes, tensors)


def test_tensors_are_named_after_the_modules_that_use_them(encoder: Path, decoder: Path) -> None:
    state = read_onnx_pair([decoder, encoder])
    expected = {
        "image_encoder.patch_embed.seq.0.weight": KERNEL,
        "image_encoder.patch_embed.seq.0.bias": np.ones(4),
        "image_encoder.blocks.1.attn.qkv.weight": PRODUCT.T,
        "image_encoder.blocks.1.attn.attention_bias": BIAS,
        "image_encoder.neck.0.weight": np.zeros(1),
        "prompt_encoder.no_mask_embed.weight": np.ones((1, 2)),
        "mask_decoder.iou_token.weight": TOKENS[0, :1],
        "mask_decoder.mask_tokens.weight": TOKENS[0, 1:],
        "mask_decoder.iou.weight": np.ones(1),
        "mask_decoder.output_upscaling.0.weight": np.zeros(1),
    }
    assert state.keys() == expected.keys()
    for name, values in expected.items():
        assert state[name].dtype == torch.float32
        np.testing.assert_array_equal(state[name].numpy(), values)


def test_half_a_pair_and_twice_the_same_half_are_refused(encoder: Path, decoder: Path) -> None:
    for paths in ([encoder], [encoder, encoder], [encoder, decoder, decoder]):
        with pytest.raises(WeightsError, match=r"file\(s\), expected the pair encoder\.onnx and"):
            read_onnx_pair(paths)


def test_another_network_and_what_is_no_onnx_file_are_refused(tmp_path: Path) -> None:
    other = save(tmp_path / "other.onnx", [], {"weight": np.zeros(1, np.float32)})
    with pytest.raises(WeightsError, match="got an ONNX file with 1 tensors of another network"):
        read_onnx_pair([other])
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(WeightsError, match="got a file that is not ONNX, or is cut short"):
        read_onnx_pair([tmp_path / "text.onnx"])
