"""Record what a GPU does in a step, and have it done again by one launch; answers that come later.

A step is a thousand small kernels, and starting one takes a processor longer than a GPU to run it.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch

from .shared_lock import SharedLock

DEVICE_LOCK = SharedLock()
"""Shared by all who have a GPU do something; held exclusively by one who records."""

_FIRST, _NOT_FIRST = -3, -2  # priorities of the streams that are recorded from, and of no others
_STREAMS = 32  # that torch has of each priority
_USED: set[int] = set()  # streams that living recordings were made from
_ENDED: deque[tuple[torch.cuda.CUDAGraph, int]] = deque()  # graphs, and their streams
_SIZES = 2  # whose recordings are kept, each with the memory that the work needs


class CudaGraph:
    """Work on tensors of fixed sizes, recorded as a CUDA graph; calling it repeats the work.

    ``work`` was done before, on tensors like ``inputs``, so that nothing is made for the first time
    while it is recorded. It may read and write other tensors, always the same ones, which have to
    stay where they are; it must not ask the device for a number. What calls return is overwritten
    by the next one. What is recorded with ``first`` is preferred to other work. Raises RuntimeError
    when it cannot be recorded, for want of memory, say.
    """

    def __init__(
        self,
        work: Callable[..., tuple[torch.Tensor, ...]],
        inputs: Sequence[torch.Tensor],
        *,
        first: bool = False,
    ) -> None:
        self.taken: torch.cuda.Event | None = None
        """When the inputs of the last call were copied."""
        with DEVICE_LOCK.exclusive(), _no_collection():
            _end_recordings()
            self._inputs = [tensor.clone() for tensor in inputs]
            self._graph = torch.cuda.CUDAGraph()
            stream = _unused_stream(_FIRST if first else _NOT_FIRST)
            weakref.finalize(self, _ENDED.append, (self._graph, stream.cuda_stream))
            with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
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


def _end_recordings() -> None:
    """Give back what recordings held that nobody has any more, when nothing can be at work."""
    torch.cuda.synchronize()
    while _ENDED:
        graph, stream = _ENDED.popleft()
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
        with DEVICE_LOCK.shared():  # to wait for the whole device would end a recording
            if not torch.cuda.is_current_stream_capturing():
                torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class GraphedModule:
    """Work on one tensor that is recorded when a size comes twice in a row.

    Sizes that change, such as those of batches of several clips, are not worth a recording. Results
    are copies; threads and lanes take turns.
    """

    def __init__(self, work: Callable[[torch.Tensor], tuple[torch.Tensor, ...]]) -> None:
        self._work = work
        self._last: torch.Size | None = None
        self._done: torch.cuda.Event | None = None
        self._lock = threading.Lock()
        self.recordings: dict[torch.Size, CudaGraph] = {}
        self.refusals: dict[torch.Size, str] = {}
        """Why sizes could not be recorded."""

    def __call__(self, tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do the work."""
        recording = self._recording_for(tensor)
        if recording is None:
            return self._work(tensor)
        with self._lock:
            lane = torch.cuda.current_stream()
            if self._done is not None:
                lane.wait_event(self._done)
            results = tuple(result.clone() for result in recording(tensor))
            self._done = lane.record_event()
            return results

    def _recording_for(self, tensor: torch.Tensor) -> CudaGraph | None:
        """Return the recording for a size, made now if this is the time.

        Not under the lock: others may wait for that and have a turn, which we wait for.
        """
        size = tensor.shape
        with self._lock:
            again, self._last = size == self._last, size
            if not again or size in self.recordings or size in self.refusals:
                return self.recordings.get(size)
        try:
            made = CudaGraph(self._work, [tensor])
        except RuntimeError as error:
            self.refusals[size] = str(error)
            return None
        with self._lock:
            while len(self.recordings) >= _SIZES:
                del self.recordings[next(iter(self.recordings))]
            self.recordings[size] = made
        return made


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
