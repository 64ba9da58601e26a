"""What runs the encoder: the same results from each runtime, and what happens without one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
import torch
from skimage.data import astronaut

from persam_vos.backends import Encoder, fitting_backends, make_encoder, torch_encoder
from persam_vos.backends.calibration import load_calibration
from persam_vos.backends.export import Exportable, export_encoder
from persam_vos.backends.int8 import quantize_int8
from persam_vos.backends.sessions import OpenVinoSession, has_int8_products
from persam_vos.config import BACKENDS
from persam_vos.errors import UsageError
from persam_vos.files.progress import silent
from persam_vos.geometry import normalise_and_pad
from persam_vos.runtime.cuda_graph import GraphedModule
from persam_vos.runtime.device import Compute
from persam_vos.sam.build import SamNetwork, build_sam, random_state
from persam_vos.sam.tiny_vit import TinyViT

CPU = Compute(torch.device("cpu"), torch.float32)
BF16 = Compute(torch.device("cpu"), torch.bfloat16)
CUDA = Compute(torch.device("cuda"), torch.float32)  # named, not used


@pytest.fixture(scope="module")
def network() -> SamNetwork:
    return build_sam("vit_t", random_state("vit_t", 0))


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of this file's own, so that the encoder is exported once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSAM_VOS_CACHE", str(folder))
        yield folder


@pytest.fixture
def make(network: SamNetwork) -> Callable[..., Encoder]:
    def made(backend: str, compute: Compute = CPU) -> Encoder:
        return make_encoder(backend, network, compute, silent)

    return made


def pictures(size_hw: tuple[int, int]) -> torch.Tensor:
    """Noise with channels last in memory, as ``normalise_and_pad`` makes pictures."""
    torch.manual_seed(sum(size_hw))
    return torch.randn(1, 3, *size_hw).contiguous(memory_format=torch.channels_last)


def distances(found: Sequence[torch.Tensor], truth: Sequence[torch.Tensor]) -> list[float]:
    """Relative distance of each layer."""
    return [float((a.float() - b).norm() / b.norm()) for a, b in zip(found, truth, strict=True)]


@pytest.mark.parametrize("size_hw", [(144, 256), (320, 112), (64, 64)], ids=str)
@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_exact_runtimes_answer_as_torch_at_any_size(
    make: Callable[..., Encoder],
    network: SamNetwork,
    backend: str,
    size_hw: tuple[int, int],
) -> None:
    images = pictures(size_hw)
    encoder = make(backend)
    with torch.inference_mode():
        truth = network.encode_layers(images)
        found = encoder.layers(images)
    assert encoder.backend == backend
    assert [layer.shape for layer in found] == [layer.shape for layer in truth]
    assert [layer.stride() for layer in found] == [layer.stride() for layer in truth]
    assert max(distances(found, truth)) < 2e-5


def test_bfloat16_is_near(make: Callable[..., Encoder], network: SamNetwork) -> None:
    images = pictures((144, 256))
    truth = network.encode_layers(images)
    assert max(distances(make("openvino-bf16").layers(images), truth)) < 0.05


@pytest.mark.skipif(not has_int8_products(), reason="the processor sums 8 bits inexactly")
@pytest.mark.parametrize("backend", ["onnx-int8", "openvino-int8"])
def test_int8_is_near_and_what_torch_simulates(mobile_sam: SamNetwork, backend: str) -> None:
    images = normalise_and_pad(torch.from_numpy(astronaut()[None, :144, :256]), (144, 256))
    encoder = mobile_sam.image_encoder
    assert isinstance(encoder, TinyViT)
    simulated = Exportable(encoder)
    quantize_int8(simulated, load_calibration(encoder))
    with torch.inference_mode():
        truth = mobile_sam.encode_layers(images)
        expected = [
            layer.view(1, 144 // stride, 256 // stride, -1).permute(0, 3, 1, 2)
            for layer, stride in zip(simulated(images), (16, 8, 4), strict=True)
        ]
        found = make_encoder(backend, mobile_sam, CPU, silent).layers(images)
    assert 1e-3 < min(distances(found, truth)) <= max(distances(found, truth)) < 0.06
    # Last bits of float32 decide which of two neighbours is the nearest: later layers drift apart.
    assert distances(found, expected)[2] < 0.1 * distances(found, truth)[2]


def test_an_encoder_tells_what_could_not_be_captured(network: SamNetwork) -> None:
    assert torch_encoder(network).not_captured == {}
    encoder = torch_encoder(network, graphs=True)
    assert isinstance(encoder.layers, GraphedModule)
    encoder.layers.refusals[torch.Size((1, 3, 64, 96))] = "out of memory"
    assert encoder.not_captured == {"encoder of 1 x 3 x 64 x 96": "out of memory"}
    assert encoder.eager_layers == network.encode_layers


@pytest.mark.parametrize("backend", ["onnx-int8", "openvino-int8"])
def test_int8_needs_weights_with_a_calibration(
    make: Callable[..., Encoder], monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    with pytest.raises(UsageError, match=r"without a calibration.*expected those of mobile-sam"):
        make(backend)
    monkeypatch.setattr("persam_vos.backends.choice.has_int8_products", lambda: True)
    monkeypatch.setattr("persam_vos.backends.choice.bf16_is_faster", lambda: False)
    assert make("auto").backend == "openvino"


def test_what_openvino_compiled_is_cached_and_made_again_if_it_is_not_that(
    make: Callable[..., Encoder], cache: Path
) -> None:
    images = pictures((80, 96))
    truth = make("openvino").layers(images)
    (path,) = cache.glob("encoders/*-f32-80x96-by-*.model")
    written = path.stat().st_ino
    again = make("openvino").layers(images)
    assert path.stat().st_ino == written
    assert all(torch.equal(a, b) for a, b in zip(again, truth, strict=True))

    encoder = build_sam("vit_t", random_state("vit_t", 0)).image_encoder
    assert isinstance(encoder, TinyViT)
    exported = export_encoder(Exportable(encoder))
    session = OpenVinoSession(exported, "f32", lambda *_: b"of another version")
    assert all(torch.equal(a, b) for a, b in zip(session(images), truth, strict=True))


def test_answers_outlive_the_next_picture(make: Callable[..., Encoder]) -> None:
    for backend in ("onnx", "openvino", "openvino-bf16"):
        encoder = make(backend)
        first = encoder.layers(pictures((64, 64)))
        copies = [layer.clone() for layer in first]
        encoder.layers(pictures((64, 64)) + 1)
        assert all(torch.equal(a, b) for a, b in zip(first, copies, strict=True))


@pytest.mark.parametrize(
    ("int8", "bfloat16", "expected"),
    [
        (True, True, "openvino-int8"),
        (True, False, "openvino-int8"),
        (False, True, "openvino-bf16"),
        (False, False, "openvino"),
    ],
)
def test_auto_is_the_fastest_runtime_for_the_processor(
    mobile_sam: SamNetwork,
    monkeypatch: pytest.MonkeyPatch,
    int8: bool,
    bfloat16: bool,
    expected: str,
) -> None:
    monkeypatch.setattr("persam_vos.backends.choice.has_int8_products", lambda: int8)
    monkeypatch.setattr("persam_vos.backends.choice.bf16_is_faster", lambda: bfloat16)
    encoder = make_encoder("auto", mobile_sam, CPU, silent)
    assert encoder.facts()["backend"] == expected
    assert encoder.facts()["version"]
    assert not encoder.warning


def test_exact_auto_rounds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persam_vos.backends.choice.has_int8_products", lambda: True)
    monkeypatch.setattr("persam_vos.backends.choice.bf16_is_faster", lambda: True)
    assert fitting_backends("auto", CPU, exact=True) == ("openvino", "onnx")
    assert fitting_backends("openvino-bf16", CPU, exact=True) == ("openvino-bf16",)


def test_auto_without_packages_is_torch_and_says_so_in_one_line(
    make: Callable[..., Encoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # imports of it fail
    assert make("auto").backend == "onnx"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    encoder = make("auto")
    assert encoder.backend == "torch"
    assert "pip install openvino" in encoder.warning
    assert "\n" not in encoder.warning


def test_a_runtime_that_fails_is_passed_over_by_auto_and_an_error_by_name(
    make: Callable[..., Encoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such\ninstruction")

    monkeypatch.setattr("persam_vos.backends.choice.OnnxSession", fail)
    monkeypatch.setattr("persam_vos.backends.choice.OpenVinoSession", fail)
    encoder = make("auto")
    assert encoder.backend == "torch"
    assert "no such instruction" in encoder.warning
    with pytest.raises(UsageError, match=r"no such instruction.*use backend='torch'"):
        make("onnx")


@pytest.mark.parametrize("compute", [BF16, CUDA], ids=lambda one: one.dtype_name)
def test_auto_leaves_other_devices_and_precisions_to_torch(compute: Compute) -> None:
    assert fitting_backends("auto", compute) == ()
    assert fitting_backends("torch", compute) == ()


@pytest.mark.parametrize(
    ("backend", "compute", "told"),
    [
        ("tensorrt", CPU, "got 'tensorrt', expected one of auto, torch, onnx"),
        ("onnx", CUDA, "got device cuda, expected cpu; use device='cpu'"),
        ("onnx", BF16, "got dtype='bfloat16', expected float32.*; leave dtype out"),
        ("openvino-bf16", BF16, "expected float32"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(backend: str, compute: Compute, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        fitting_backends(backend, compute)


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in ("auto", "torch")])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    package = "openvino" if backend.startswith("openvino") else "onnxruntime"
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=f"run 'pip install {package}'"):
        fitting_backends(backend, CPU)


def test_other_networks_run_on_torch() -> None:
    class Other(torch.nn.Module):
        image_encoder = torch.nn.Identity()

        def encode_layers(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return (images,)

    network = cast(SamNetwork, Other())
    assert make_encoder("auto", network, CPU, silent).backend == "torch"
    with pytest.raises(UsageError, match="expected the weights mobile-sam"):
        make_encoder("onnx", network, CPU, silent)


def test_the_encoder_is_exported_once_for_its_weights(
    network: SamNetwork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PERSAM_VOS_CACHE", str(tmp_path))
    told: list[str] = []
    made: list[Exportable] = []

    def export(module: Exportable) -> bytes:
        made.append(module)
        return b"net"

    monkeypatch.setattr("persam_vos.backends.choice.OnnxSession", lambda model: model)
    monkeypatch.setattr("persam_vos.backends.choice.export_encoder", export)
    for _ in range(2):
        encoder = make_encoder("onnx", network, CPU, lambda what, *_: told.append(what))
        assert cast(object, encoder.layers) == b"net"
    assert len(made) == 1
    assert told == ["exporting the encoder"]
    other = build_sam("vit_t", random_state("vit_t", 1))
    make_encoder("onnx", other, CPU, silent)
    assert len(made) == 2
    assert len(list((tmp_path / "encoders").glob("*.model"))) == 2
