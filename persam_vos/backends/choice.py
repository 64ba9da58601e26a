"""Choose what runs the encoder: the fastest runtime that is there, or what a user names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version

import torch
from torch import Tensor

from ..config import BACKENDS
from ..errors import UsageError, param
from ..files.progress import ProgressCallback
from ..runtime.cuda_graph import GraphedModule
from ..runtime.device import Compute
from ..sam.build import SamNetwork
from ..sam.tiny_vit import TinyViT
from ..weights.convert import state_digest
from .calibration import load_calibration
from .export import Exportable, export_encoder, export_fingerprint
from .int8 import quantize_int8
from .model_cache import cached_model
from .sessions import OnnxSession, OpenVinoSession, bf16_is_faster, has_int8_products

_PACKAGES = {
    "onnx": "onnxruntime",
    "onnx-int8": "onnxruntime",
    "openvino": "openvino",
    "openvino-bf16": "openvino",
    "openvino-int8": "openvino",
}
_EXACT = ("openvino", "onnx")  # float32 throughout, the faster first: benchmarks/encoder.py
_AUTO = ("openvino-int8", "openvino-bf16", *_EXACT)

Layers = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True)
class Encoder:
    """How frames are encoded; produced by `make_encoder`, consumed by ``tracking.engine.Engine``.

    ``layers`` does what ``SamNetwork.encode_layers`` does. ``backend`` and ``version`` say what
    computes: two backends may differ in the last bits. ``warning`` says, in one line, why it is
    not the backend that was hoped for. ``threads`` are how many it computes with on a CPU.
    ``graph_refusals`` has, by input shape, why the layers could not be captured as a CUDA graph;
    it grows as frames come.
    """

    layers: Layers
    backend: str
    version: str
    warning: str = ""
    threads: int = field(default_factory=torch.get_num_threads)
    eager: Layers | None = None

    @property
    def eager_layers(self) -> Layers:
        """The same as ``layers``, but never a graph of its own: what a larger graph may hold."""
        return self.eager or self.layers

    @property
    def not_captured(self) -> dict[str, str]:
        """What of ``layers`` could not be captured as a graph, and why; empty without graphs."""
        refusals = self.layers.refusals if isinstance(self.layers, GraphedModule) else {}
        return {
            f"encoder of {' x '.join(map(str, size))}": reason for size, reason in refusals.items()
        }

    def facts(self) -> dict[str, str]:
        """Say what computes, for reports and to tell runs apart."""
        return {"backend": self.backend, "version": self.version}


def torch_encoder(network: SamNetwork, *, graphs: bool = False, warning: str = "") -> Encoder:
    """Return the network itself as an encoder; on a GPU its work may be captured as ``graphs``."""
    layers = network.encode_layers
    graphed = GraphedModule(layers) if graphs else layers
    return Encoder(graphed, "torch", torch.__version__, warning, eager=layers)


def fitting_backends(backend: str, compute: Compute, *, exact: bool = False) -> tuple[str, ...]:
    """Return the backends to try for a choice, best first; none of them: torch.

    ``auto`` rounds nothing if ``exact``, else as far as `_gains` allows, and never fails.
    Raises UsageError for an unknown choice, and for one whose package, device or precision is
    missing.
    """
    if backend not in BACKENDS:
        raise UsageError(
            param("backend"), got=repr(backend), expected=f"one of {', '.join(BACKENDS)}"
        )
    if backend == "auto":
        if compute.device.type != "cpu" or compute.dtype is not torch.float32:
            return ()
        return _EXACT if exact else _AUTO
    if backend == "torch":
        return ()
    if compute.device.type != "cpu":
        raise UsageError(
            param("backend", backend),
            got=f"device {compute.device}",
            expected="cpu",
            remedy=f"use {param('device', 'cpu')}, or {param('backend', 'torch')}",
        )
    if compute.dtype is not torch.float32:
        raise UsageError(
            param("backend", backend),
            got=param("dtype", compute.dtype_name),
            expected="float32, for what is not the encoder",
            remedy=f"leave {param('dtype')} out, or use {param('backend', 'torch')}",
        )
    try:
        import_module(_PACKAGES[backend])
    except ImportError as error:
        raise UsageError(
            param("backend", backend),
            got=f"no working package {_PACKAGES[backend]} ({error})",
            expected="the package",
            remedy=f"run 'pip install {_PACKAGES[backend]}', or use {param('backend', 'auto')}",
        ) from None
    return (backend,)


def make_encoder(
    backend: str,
    network: SamNetwork,
    compute: Compute,
    on_progress: ProgressCallback,
    *,
    exact: bool = False,
) -> Encoder:
    """Make the encoder for a choice; exporting takes a second or two, once for some weights.

    For ``auto`` a runtime that is missing or fails is passed over, and if torch is all that is
    left, ``warning`` says so. Raises UsageError for what `fitting_backends` refuses, for a network
    without export, and for a named runtime that fails.
    """
    fitting = fitting_backends(backend, compute, exact=exact)
    encoder = network.image_encoder
    if not fitting or (backend == "auto" and not isinstance(encoder, TinyViT)):
        return torch_encoder(network, graphs=compute.static_shapes)
    if not isinstance(encoder, TinyViT):
        raise UsageError(
            param("backend", backend),
            got="SAM's own ViT",
            expected="the weights mobile-sam, the only ones that are exported",
            remedy=f"use {param('backend', 'torch')}",
        )
    problems: list[str] = []
    for name in fitting:
        if backend == "auto" and not _gains(name):
            continue
        try:
            layers = _make_layers(name, encoder, on_progress)
        except Exception as error:  # whatever a missing, broken or foreign package raises
            problems.append(f"{_PACKAGES[name]}: {error}")
        else:
            return Encoder(layers, name, version(_PACKAGES[name]))
    told = " ".join("; ".join(problems).split())
    if backend == "auto":
        warning = f"the encoder runs on torch, which is slower ({told}); try 'pip install "
        return torch_encoder(network, warning=f"{warning}{_PACKAGES[fitting[0]]}'")
    raise UsageError(param("backend", backend), got=told, remedy=f"use {param('backend', 'torch')}")


def _gains(backend: str) -> bool:
    """Tell whether a backend is faster on this processor; called if no better one was found."""
    if backend == "openvino-int8":
        return has_int8_products()
    return backend != "openvino-bf16" or bf16_is_faster()


def _make_layers(backend: str, encoder: TinyViT, on_progress: ProgressCallback) -> Layers:
    """Load the encoder into a runtime; raises what its package raises."""
    import_module(_PACKAGES[backend])
    weights = state_digest(encoder.state_dict())[:16]
    calibration = load_calibration(encoder) if backend.endswith("int8") else {}

    def export() -> bytes:
        on_progress("exporting the encoder", 0, None)
        module = Exportable(encoder)
        quantize_int8(module, calibration)
        return export_encoder(module)

    name = f"{weights}-int8" if calibration else weights
    fingerprint = f"{export_fingerprint()}\n{calibration}"
    model = cached_model(name, fingerprint, export, on_progress)
    if backend.startswith("onnx"):
        return OnnxSession(model)
    return OpenVinoSession(
        model,
        "bf16" if backend == "openvino-bf16" else "f32",
        lambda part, how, make: cached_model(
            f"{name}-{part}", f"{fingerprint}\n{how}", make, on_progress
        ),
    )
