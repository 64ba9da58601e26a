"""Which device computes, and in which precision."""

from __future__ import annotations

import contextlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ..errors import UsageError, param

DEVICES = ("auto", "cpu", "cuda", "mps")
_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_NO_MEMORY = (  # texts of errors without a type of their own: CPU, MPS, cuBLAS, cuDNN
    *("DefaultCPUAllocator", "not enough memory", "out of memory", "STATUS_ALLOC_FAILED"),
)
_HIGH_WATER = re.compile(rb"^VmHWM:\s+(\d+) kB$", re.MULTILINE)  # in Linux's status of a process


@dataclass(frozen=True, slots=True)
class Compute:
    """A device and the precision of matrix products on it; made by `resolve_compute`."""

    device: torch.device
    dtype: torch.dtype

    @property
    def encode_batch_size(self) -> int:
        """How many pictures of a clip to encode in one batch; a CPU gains nothing by it."""
        return 1 if self.device.type == "cpu" else 16

    @property
    def static_shapes(self) -> bool:
        """Whether steps are captured as graphs, so that no shape may depend on the picture."""
        return self.device.type == "cuda"

    @property
    def bank_dtype(self) -> torch.dtype:
        """Precision of remembered features: float16 where products are not in float32."""
        half = self.device.type == "cuda" and self.dtype is not torch.float32
        return torch.float16 if half else torch.float32

    @property
    def resizes_on_device(self) -> bool:
        """Whether pictures are scaled on the device rather than before they get there."""
        return self.device.type == "cuda"

    @property
    def results_in_flight(self) -> int:
        """How many frames may be submitted before the result of the first is waited for."""
        return 4 if self.device.type == "cuda" else 0

    def upload(self, array: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Return an array on the device; CUDA copies it while the program goes on."""
        tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))  # torch wants both
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    @property
    def dtype_name(self) -> str:
        """The precision's name as the command line spells it."""
        return str(self.dtype).removeprefix("torch.")

    def describe(self) -> str:
        """Name the device for people, e.g. ``cuda (NVIDIA L4), bfloat16``."""
        name = str(self.device)
        if self.device.type == "cuda":
            name = f"{name} ({torch.cuda.get_device_name(self.device)})"
        return f"{name}, {self.dtype_name}"


def resolve_compute(device: str = "auto", dtype: str = "auto") -> Compute:
    """Choose where and how to compute.

    ``auto`` takes CUDA, then MPS, then the CPU; and bfloat16 on a CUDA device that has it,
    float32 elsewhere (bf16 products are slower than float32 on CPUs without matrix units).
    A CUDA index as in ``cuda:1`` is accepted. Raises UsageError for what is not there.
    """
    resolved = _resolve_device(device)
    if dtype == "auto":
        bf16 = resolved.type == "cuda" and torch.cuda.is_bf16_supported()
        return Compute(resolved, torch.bfloat16 if bf16 else torch.float32)
    if dtype not in _DTYPES:
        raise UsageError(
            param("dtype"),
            got=repr(dtype),
            expected=f"one of auto, {', '.join(_DTYPES)}",
            remedy=f"use {param('dtype', 'auto')}",
        )
    return Compute(resolved, _DTYPES[dtype])


def is_out_of_memory(error: RuntimeError) -> bool:
    """Tell whether torch raised this because a device, or the CPU, had no memory left."""
    named = isinstance(error, torch.cuda.OutOfMemoryError)
    return named or any(words in str(error) for words in _NO_MEMORY)


def free_cache(compute: Compute) -> None:
    """Give back what torch keeps of CUDA's memory for later, so that larger pieces can be had."""
    if compute.device.type == "cuda":
        torch.cuda.empty_cache()


def peak_memory_bytes(compute: Compute) -> int:
    """Return the peak memory of this process: of the device on CUDA, resident elsewhere."""
    if compute.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(compute.device))
    return _peak_resident_bytes()


def forget_peak_memory(compute: Compute) -> None:
    """Start `peak_memory_bytes` anew, where that is possible: on CUDA, and on Linux."""
    if compute.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(compute.device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # 5 resets the high-water mark


def _peak_resident_bytes() -> int:
    """Return the most that was resident, of this process alone.

    On Linux getrusage does not say less than what the process that started this one had.
    """
    with contextlib.suppress(OSError):
        high_water = _HIGH_WATER.search(Path("/proc/self/status").read_bytes())
        if high_water:
            return int(high_water[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes on other systems


def _resolve_device(device: str) -> torch.device:
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if device == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if available[name]))
    kind, colon, index = device.partition(":")
    if kind not in available or (colon and not index.isdecimal()):
        raise UsageError(
            param("device"),
            got=repr(device),
            expected=f"one of {', '.join(DEVICES)}, or a card such as cuda:1",
            remedy=f"use {param('device', 'auto')}",
        )
    if not available[kind]:
        raise UsageError(
            param("device", device),
            got=f"a torch {torch.__version__} that finds no {kind} device",
            expected=f"one of {', '.join(k for k, found in available.items() if found)}",
            remedy=f"use {param('device', 'auto')}, or install a torch build for this device",
        )
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if colon and int(index) >= count:
        raise UsageError(
            param("device", device),
            got=f"{count} {kind} device{'s' * (count > 1)}",
            expected=f"a number below {count}",
            remedy=f"use {param('device', kind)}",
        )
    return torch.device(device)
