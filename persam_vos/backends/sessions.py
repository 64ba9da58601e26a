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
_SHAPES = 2  # kept compiled: of pictures and of close-ups

Keep = Callable[[str, str, Callable[[], bytes]], bytes]
"""What keeps bytes by a name and a recipe, and makes them if there are none."""


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
    """OpenVINO, with products in ``f32`` or ``bf16``, or in 8 bits where the model says so.

    Compiled for each size, for it is slow where any size may come; the last two stay. ``keep`` gets
    a name, all that what it names depends on, and how to make it: to compile takes a second, to
    read what was compiled a quarter.
    """

    def __init__(self, model: bytes, precision: str, keep: Keep) -> None:
        import openvino

        self._core = openvino.Core()
        self._model = model
        self._keep = keep
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
        while len(self._requests) >= _SHAPES:
            del self._requests[next(iter(self._requests))]
        settings, (height, width) = self._settings, shape[2:]
        threads, precision = settings["INFERENCE_NUM_THREADS"], settings["INFERENCE_PRECISION_HINT"]
        name = f"{precision}-{height}x{width}-by-{threads}"
        facts = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
        told = [self._version, settings, *(self._core.get_property("CPU", x) for x in facts)]
        try:
            kept = self._keep(name, str(told), lambda: self._compile(shape).export_model().read())
            compiled = self._core.import_model(kept, "CPU", self._settings)
        except RuntimeError:  # kept or not, it can be made
            compiled = self._compile(shape)
        return compiled.create_infer_request()

    def _compile(self, shape: tuple[int, ...]) -> Any:
        model = self._core.read_model(self._model)
        model.reshape(list(shape))
        return self._core.compile_model(model, "CPU", self._settings)


@cache
def bf16_is_faster() -> bool:
    """Tell whether the processor multiplies bfloat16 clearly sooner than float32.

    Measured with a product of matrices, which takes a twentieth of a second: to have instructions
    for it is not enough. One processor is four times as fast with them, another half.
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
    """Tell whether the processor sums products of 8-bit numbers exactly, and in one instruction.

    Older ones sum pairs in 16 bits, which overflow (OpenVINO, "Saturation (overflow) issue").
    """
    if not hasattr(torch.cpu, "get_capabilities"):  # in older versions of torch
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_vnni", "avx_vnni"))


def _layers(arrays: Iterable[np.ndarray[Any, Any]], images: Tensor) -> tuple[Tensor, ...]:
    """Take what a runtime answers, (1, h w, C) each, as (1, C, h, w) without copying."""
    height, width = images.shape[2:]
    return tuple(
        torch.from_numpy(array).view(1, height // stride, width // stride, -1).permute(0, 3, 1, 2)
        for array, stride in zip(arrays, STRIDES, strict=True)
    )
