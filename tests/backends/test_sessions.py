"""Runtimes: the size of their results, compiled models in the cache, and few of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from onnx import TensorProto, helper

from persam_vos.backends.export import INPUT, STRIDES
from persam_vos.backends.sessions import OnnxSession, OpenVinoSession, bf16_is_faster


@pytest.fixture(scope="module")
def model() -> bytes:
    """A network that returns means over patches, as rows of cells: fast, and easy to check."""
    nodes, outputs = [], []
    for stride in STRIDES:
        name = f"stride_{stride}"
        pool = {"kernel_shape": [stride, stride], "strides": [stride, stride]}
        nodes += [
            helper.make_node("AveragePool", [INPUT], [f"{name}_mean"], **pool),
            helper.make_node("Reshape", [f"{name}_mean", "rows"], [f"{name}_rows"]),
            helper.make_node("Transpose", [f"{name}_rows"], [name], perm=[0, 2, 1]),
        ]
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, 3]))
    sides = [1, 3, "height", "width"]
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, sides)],
        outputs,
        initializer=[helper.make_tensor("rows", TensorProto.INT64, [3], [1, 3, -1])],
    )
    opset = helper.make_opsetid("", 17)
    made = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(made.SerializeToString())


class Cache:
    """Holds compiled models in memory, and counts how often one is requested and made."""

    def __init__(self) -> None:
        self.models: dict[tuple[str, str], bytes] = {}
        self.requested: list[str] = []
        self.made: list[str] = []

    def __call__(self, name: str, fingerprint: str, make: Callable[[], bytes]) -> bytes:
        self.requested.append(name)
        if (name, fingerprint) not in self.models:
            self.made.append(name)
            self.models[name, fingerprint] = make()
        return self.models[name, fingerprint]


def images(height: int, width: int) -> torch.Tensor:
    torch.manual_seed(height)
    return torch.randn(1, 3, height, width)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_layers_are_pictures_again(model: bytes, runtime: str) -> None:
    session = OnnxSession(model) if runtime == "onnx" else OpenVinoSession(model, "f32", Cache())
    for size_hw in ((32, 48), (64, 16)):
        picture = images(*size_hw)
        for layer, stride in zip(session(picture), STRIDES, strict=True):
            expected = torch.nn.functional.avg_pool2d(picture, stride)
            torch.testing.assert_close(layer, expected, atol=1e-5, rtol=1e-5)


def test_models_are_compiled_once_for_a_size_and_the_last_two_stay(model: bytes) -> None:
    cache = Cache()
    session = OpenVinoSession(model, "f32", cache)
    for size_hw in ((32, 32), (32, 48), (32, 32), (32, 48)):
        session(images(*size_hw))
    assert len(cache.requested) == len(cache.made) == 2
    session(images(48, 48))  # takes the place of the least used, 32 x 32
    session(images(32, 48))
    assert len(cache.requested) == 3
    session(images(32, 32))
    assert (len(cache.requested), len(cache.made)) == (4, 3)
    assert cache.made[0].startswith("f32-32x32-by-")


def test_bf16_is_measured_once() -> None:
    assert bf16_is_faster() is bf16_is_faster()
    assert bf16_is_faster.cache_info().misses <= 1
