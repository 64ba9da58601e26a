"""Run an exported encoder: images in, layers out, as ``SamNetwork.encode_layers``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .export import INPUT, STRIDES

_SIDE, _TRIALS = 1024, 5  # of the matrices that precisions are compared by
_CLEARLY = 1.2
_MAX_SHAPES = 2  # that stay compiled: of pictures and of crops

CachedModel = Callable[[str, str, Callable[[], bytes]], bytes]
"""Returns a model by its name and fingerprint from a cache, or else made by the function."""


class OnnxSession:
    """ONNX Runtime, with as many threads as torch has; its workers sleep between frames.

    They share the cores with the thread that tracks, which spinning would slow down.
    """

    def __init__(self, model: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # errors, which are raised as well
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Encode images, (1, 3, H, W), both sides multiples of 16."""
        return _layers(self._session.run(None, {INPUT: images.contiguous().numpy()}), images)


class OpenVinoSession:
    """OpenVINO, with products in ``f32`` or ``bf16``, or in int8 where the model says so.

    The model is compiled for each input size, since one that takes any size is slow; the last two
    stay. ``cached`` does what `model_cache.cached_model` does: compiling takes a second, reading a
    compiled model a quarter.
    """

    def __init__(self, model: bytes, precision: str, cached: CachedModel) -> None:
        import openvino

        self._core = openvino.Core()
        self._model = model
        self._cached = cached
        self._version = openvino.__version__
        self._settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._lock = threading.Lock()  # a request computes one picture at a time
        self._requests: dict[tuple[int, ...], Any] = {}  # by shape, the last used at the end

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Encode images, (1, 3, H, W), both sides multiples of 16."""
        with self._lock:
            shape = tuple(images.shape)
            request = self._requests.pop(shape, None) or self._compiled(shape)
            self._requests[shape] = request
            return _layers(request.infer({0: images.contiguous().numpy()}).values(), images)

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        while len(self._requests) >= _MAX_SHAPES:
            del self._requests[next(iter(self._requests))]
        settings, (height, width) = self._settings, shape[2:]
        threads, precision = settings["INFERENCE_NUM_THREADS"], settings["INFERENCE_PRECISION_HINT"]
        name = f"{precision}-{height}x{width}-by-{threads}"
        facts = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
        told = [self._version, settings, *(self._core.get_property("CPU", x) for x in facts)]
        try:
            blob = self._cached(name, str(told), lambda: self._compile(shape).export_model().read())
            compiled = self._core.import_model(blob, "CPU", self._settings)
        except RuntimeError:  # whatever the cache holds, it can be compiled here
            compiled = self._compile(shape)
        return compiled.create_infer_request()

    def _compile(self, shape: tuple[int, ...]) -> Any:
        model = self._core.read_model(self._model)
        model.reshape(list(shape))
        return self._core.compile_model(model, "CPU", self._settings)


@cache
def bf16_is_faster() -> bool:
    """Tell whether the processor multiplies bfloat16 clearly faster than float32.

    Measured with a matrix product, which takes a twentieth of a second: having instructions for it
    is not enough. One processor is four times as fast with them, another half as fast.
    """
    try:
        import openvino

        has_it = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except (ImportError, RuntimeError):
        return False
    if not has_it:
        return False
    exact = torch.ones(_SIDE, _SIDE)
    operands = {dtype: exact.to(dtype) for dtype in (torch.float32, torch.bfloat16)}
    least = dict.fromkeys(operands, float("inf"))
    for _ in range(_TRIALS):  # in turn, so that another load hits both alike
        for dtype, matrix in operands.items():
            start = time.perf_counter()
            torch.mm(matrix, matrix)
            least[dtype] = min(least[dtype], time.perf_counter() - start)
    return least[torch.float32] > _CLEARLY * least[torch.bfloat16]


def has_int8_products() -> bool:
    """Tell whether the processor sums int8 products exactly, and in one instruction.

    Older ones sum pairs in 16 bits, which overflow (OpenVINO, "Saturation (overflow) issue").
    """
    if not hasattr(torch.cpu, "get_capabilities"):  # in older versions of torch
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_vnni", "avx_vnni"))


def _layers(arrays: Iterable[np.ndarray[Any, Any]], images: Tensor) -> tuple[Tensor, ...]:
    """Return a runtime's outputs, (1, h w, C) each, as (1, C, h, w), without copying."""
    height, width = images.shape[2:]
    return tuple(
        torch.from_numpy(array).view(1, height // stride, width // stride, -1).permute(0, 3, 1, 2)
        for array, stride in zip(arrays, STRIDES, strict=True)
    )
