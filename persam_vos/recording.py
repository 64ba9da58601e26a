"""Record what a GPU does in a step, and have it done again by one launch; answers that come later.

A step is a thousand small kernels, and starting one takes a processor longer than a GPU to run it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import torch

_SIZES = 2  # whose recordings are kept, each with the memory that the work needs
_ONE_AT_A_TIME = threading.Lock()


class Recording:
    """Work on tensors of fixed sizes, recorded as a CUDA graph; calling it repeats the work.

    ``work`` was done before, on tensors like ``inputs``, so that nothing is made for the first time
    while it is recorded. It may read and write other tensors, always the same ones, which have to
    stay where they are; it must not ask the device for a number. What calls return is overwritten
    by the next one.
    """

    def __init__(
        self,
        work: Callable[..., tuple[torch.Tensor, ...]],
        inputs: Sequence[torch.Tensor],
    ) -> None:
        self._inputs = [tensor.clone(memory_format=torch.preserve_format) for tensor in inputs]
        self._graph = torch.cuda.CUDAGraph()
        recorded = torch.cuda.graph(self._graph, capture_error_mode="thread_local")
        with _ONE_AT_A_TIME, recorded:
            self._outputs = work(*self._inputs)

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do the work on other tensors, of the same sizes."""
        for kept, new in zip(self._inputs, inputs, strict=True):
            kept.copy_(new)
        self._graph.replay()
        return self._outputs


class Repeated:
    """Work on one tensor that is recorded once it was done, for each of the last few sizes.

    A size that comes once only, such as the last batch of a clip, is not worth a recording. Results
    are copies; threads take turns.
    """

    def __init__(self, work: Callable[[torch.Tensor], tuple[torch.Tensor, ...]]) -> None:
        self._work = work
        self._recordings: dict[torch.Size, Recording | None] = {}
        self._lock = threading.Lock()

    def __call__(self, tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do the work."""
        with self._lock:
            size = tensor.shape
            if size not in self._recordings:
                while len(self._recordings) >= _SIZES:
                    self._recordings.pop(next(iter(self._recordings)))
                self._recordings[size] = None
                return self._work(tensor)
            recording = self._recordings[size] or Recording(self._work, [tensor])
            self._recordings[size] = recording
            return tuple(result.clone() for result in recording(tensor))


class Download:
    """Copies of tensors on the host, made while the program goes on; `wait` before reading them."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._event: torch.cuda.Event | None = None
        self._tensors = tuple(tensors)
        if tensors[0].device.type == "cuda":
            self._tensors = tuple(_copied(tensor) for tensor in tensors)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()

    def wait(self) -> tuple[torch.Tensor, ...]:
        """Return the copies, on the CPU."""
        if self._event is None:
            return tuple(tensor.cpu() for tensor in self._tensors)
        self._event.synchronize()
        return tuple(tensor.clone() for tensor in self._tensors)  # pinned memory is dear


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return host.copy_(tensor, non_blocking=True)
