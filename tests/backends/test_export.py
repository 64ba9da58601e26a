"""The module that is exported: the same layers as the network, in one graph for any size."""

from __future__ import annotations

import onnx
import pytest
import torch

from persam_vos.backends.export import (
    INPUT,
    STRIDES,
    Exportable,
    export_encoder,
    export_fingerprint,
)
from persam_vos.sam.build import SamNetwork, build_sam, random_state
from persam_vos.sam.tiny_vit import TinyViT


@pytest.fixture(scope="module")
def network() -> SamNetwork:
    return build_sam("vit_t", random_state("vit_t", 0))


@pytest.fixture(scope="module")
def module(network: SamNetwork) -> Exportable:
    assert isinstance(network.image_encoder, TinyViT)
    return Exportable(network.image_encoder)


def test_the_module_answers_as_the_network(network: SamNetwork, module: Exportable) -> None:
    torch.manual_seed(0)
    images = torch.randn(1, 3, 96, 64)
    with torch.inference_mode():
        truth, found = network.encode_layers(images), module(images)
    for layer, expected, stride in zip(found, truth, STRIDES, strict=True):
        assert layer.shape == (1, 96 * 64 // stride**2, expected.shape[1])
        cells = expected.permute(0, 2, 3, 1).flatten(1, 2)
        torch.testing.assert_close(layer, cells, atol=1e-4, rtol=1e-4)


def test_the_network_stays_as_it_was(network: SamNetwork, module: Exportable) -> None:
    names = set(network.image_encoder.state_dict())
    assert any(name.endswith("attn.qkv.weight") for name in names)
    assert not any(".apart." in name for name in names)
    assert any(".apart." in name for name in module.state_dict())


def test_the_file_is_a_valid_graph_for_any_size(module: Exportable) -> None:
    model = onnx.load_from_string(export_encoder(module))
    onnx.checker.check_model(model)
    (images,) = model.graph.input
    assert images.name == INPUT
    sides = [side.dim_param or side.dim_value for side in images.type.tensor_type.shape.dim]
    assert sides == [1, 3, "height", "width"]
    assert len(model.graph.output) == len(STRIDES)


def test_the_recipe_names_torch_and_the_code() -> None:
    fingerprint = export_fingerprint()
    assert fingerprint.startswith(torch.__version__)
    assert "class TinyViT" in fingerprint
    assert "def quantize_int8" in fingerprint
