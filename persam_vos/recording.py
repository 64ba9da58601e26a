"""Record what a GPU does in a step, and have it done again by one launch; answers that come later.

A step is a thousand small kernels, and starting one takes a processor longer than a GPU to run it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence

import torch

_SIZES = 2  # whose recordings are kept, each with the memory that the work needs
_ONE_AT_A_TIME = threading.Lock()
_FIRST, _NOT_FIRST = -3, -2  # priorities of the streams that are recorded from, and of no others
_STREAMS = 32  # that torch has of each priority
_USED: set[int] = set()  # streams that living recordings were made from


class Recording:
    """Work on tensors of fixed sizes, recorded as a CUDA graph; calling it repeats the work.

    ``work`` was done before, on tensors like ``inputs``, so that nothing is made for the first time
    while it is recorded. It may read and write other tensors, always the same ones, which have to
    stay where they are; it must not ask the device for a number. What calls return is overwritten
    by the next one. What is recorded with ``first`` is preferred to other work.
    """

    def __init__(
        self,
        work: Callable[..., tuple[torch.Tensor, ...]],
        inputs: Sequence[torch.Tensor],
        *,
        first: bool = False,
    ) -> None:
        self._inputs = [tensor.clone() for tensor in inputs]
        self.taken: torch.cuda.Event | None = None
        """When the inputs of the last call were copied."""
        self._graph = torch.cuda.CUDAGraph()
        with _ONE_AT_A_TIME:
            stream = _unused_stream(_FIRST if first else _NOT_FIRST)
            weakref.finalize(self, _USED.discard, stream.cuda_stream)
            with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
                self._outputs = work(*self._inputs)

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do the work on other tensors, of the same sizes."""
        for kept, new in zip(self._inputs, inputs, strict=True):
            kept.copy_(new)
        self.taken = torch.cuda.current_stream().record_event()
        self._graph.replay()
        return self._outputs


def _unused_stream(priority: int) -> torch.cuda.Stream:
    """Return a stream that no living recording was made from.

    torch keeps one workspace for the matrix products of a stream: recordings that share it would
    write into each other's (pytorch/pytorch issue 193402).
    """
    for _ in range(_STREAMS):
        stream = torch.cuda.Stream(priority=priority)  # type: ignore[no-untyped-call]
        if stream.cuda_stream not in _USED:
            break
    _USED.add(stream.cuda_stream)
    return stream


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
                    torch.cuda.synchronize()  # it may be at work still
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
