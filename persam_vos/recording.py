"""Record what a GPU does in a step, and have it done again by one launch; answers that come later.

A step is a thousand small kernels, and starting one takes a processor longer than a GPU to run it.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence

import torch

_SIZES = 2  # whose recordings are kept, each with the memory that the work needs
_ONE_AT_A_TIME = threading.RLock()  # recordings are made and ended
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
            weakref.finalize(self, _end, self._graph, stream.cuda_stream)
            graph = torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local")
            with _no_collection(), graph:
                self._outputs = work(*self._inputs)

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do the work on other tensors, of the same sizes."""
        torch._foreach_copy_(self._inputs, list(inputs))
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


def _end(graph: torch.cuda.CUDAGraph, stream: int) -> None:
    """Give back what a recording held; its stream only once torch forgot the workspace of it."""
    with _ONE_AT_A_TIME:
        graph.reset()
        _USED.discard(stream)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Collect garbage before the block but not in it: to free what a GPU holds ends a recording."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def synchronise(device: torch.device) -> None:
    """Wait until a device has done everything that was asked of it; CPUs always have."""
    if device.type == "cuda":
        with _ONE_AT_A_TIME:  # to wait for the whole device would end a recording
            if not torch.cuda.is_current_stream_capturing():
                torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class Repeated:
    """Work on one tensor that is recorded when a size comes twice in a row.

    Sizes that change, such as those of batches of several clips, are not worth a recording. Results
    are copies; threads and lanes take turns.
    """

    def __init__(self, work: Callable[[torch.Tensor], tuple[torch.Tensor, ...]]) -> None:
        self._work = work
        self._recordings: dict[torch.Size, Recording] = {}
        self._last: torch.Size | None = None
        self._done: torch.cuda.Event | None = None
        self._lock = threading.Lock()

    def __call__(self, tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do the work."""
        with self._lock:
            size, last = tensor.shape, self._last
            self._last = size
            if size not in self._recordings and (size != last or not self._record(tensor)):
                return self._work(tensor)
            lane = torch.cuda.current_stream()
            if self._done is not None:
                lane.wait_event(self._done)
            results = tuple(result.clone() for result in self._recordings[size](tensor))
            self._done = lane.record_event()
            return results

    def _record(self, tensor: torch.Tensor) -> bool:
        """Record the work for a size; returns whether that could be done."""
        if len(self._recordings) == _SIZES:
            synchronise(tensor.device)  # the oldest may be at work still
            del self._recordings[next(iter(self._recordings))]
        with contextlib.suppress(RuntimeError):  # too little memory, say
            self._recordings[tensor.shape] = Recording(self._work, [tensor])
        return tensor.shape in self._recordings


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
