"""Capture what a GPU does in a step as a CUDA graph, and replay it with one launch.

A step is a thousand small kernels, each of which takes longer to launch than to run.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import torch

from ..errors import PersamVosError
from ..structures import DeviceEvent
from . import stream as streams
from .tensor_tree import tensors_of, with_tensors

R = TypeVar("R")

_HIGH_PRIORITY, _PRIORITY = -3, -2  # of streams for captures; no other stream has these
_STREAMS = 32  # that torch has of each priority
_USED: set[int] = set()  # streams that living graphs were captured from
_ENDED: deque[tuple[torch.cuda.CUDAGraph, int]] = deque()  # graphs, and their streams
_SIZES = 2  # input sizes whose graphs a module keeps, each with its own device memory


class CaptureError(PersamVosError):
    """Work that could not be captured, for want of memory, say; it can be done eagerly."""


class CudaGraph:
    """Work on tensors of fixed sizes, captured as a CUDA graph; calling it replays the work.

    ``work`` must have been done before, on tensors like ``inputs``, so that nothing is initialised
    during the capture. It may read and write other tensors, which have to stay at their addresses;
    it must not read numbers from the device. Each call overwrites what the last one returned.
    Raises CaptureError.
    """

    def __init__(
        self,
        work: Callable[..., tuple[torch.Tensor, ...]],
        inputs: Sequence[torch.Tensor],
        *,
        high_priority: bool = False,
    ) -> None:
        self.inputs_read: DeviceEvent | None = None
        """When the inputs of the last call were copied."""
        with streams.DEVICE_LOCK.exclusive(), _no_collection():
            _end_graphs()
            self._inputs = [tensor.clone() for tensor in inputs]
            self._graph = torch.cuda.CUDAGraph()
            stream = _unused_stream(_HIGH_PRIORITY if high_priority else _PRIORITY)
            weakref.finalize(self, _ENDED.append, (self._graph, stream.cuda_stream))
            try:
                with torch.cuda.graph(
                    self._graph, stream=stream, capture_error_mode="thread_local"
                ):
                    self._outputs = work(*self._inputs)
            except RuntimeError as error:
                raise CaptureError(str(error)) from error

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do the work on other tensors, of the same sizes."""
        torch._foreach_copy_(self._inputs, list(inputs))
        self.inputs_read = streams.record(inputs[0].device)
        self._graph.replay()
        return self._outputs


class GraphedFunction(Generic[R]):
    """A function of dataclasses of tensors, captured when it is first called.

    Values that are not tensors stay as they were then. Calls raise what `CudaGraph` raises.
    """

    def __init__(self, function: Callable[..., R], *, high_priority: bool = False) -> None:
        self._function = function
        self._high_priority = high_priority
        self._graph: CudaGraph | None = None
        self._result: R | None = None

    @property
    def inputs_read(self) -> DeviceEvent | None:
        """When the inputs of the last call were copied."""
        return None if self._graph is None else self._graph.inputs_read

    def __call__(self, *trees: object) -> R:
        """Replay the function on dataclasses or tuples of tensors."""
        inputs = list(tensors_of(trees))
        if self._graph is None:
            self._graph = self._capture(trees, inputs)
        outputs = self._graph(*inputs)
        assert self._result is not None
        return with_tensors(self._result, outputs)

    def _capture(self, trees: tuple[object, ...], inputs: list[torch.Tensor]) -> CudaGraph:
        def work(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            self._result = self._function(*with_tensors(trees, tensors))
            return tuple(tensors_of(self._result))

        return CudaGraph(work, inputs, high_priority=self._high_priority)


class GraphedModule:
    """Work on one tensor, captured for a size that comes twice in a row.

    Sizes that change, such as those of batches of several clips, are not worth a graph. Results are
    copies, and only one thread or stream at a time replays a graph.
    """

    def __init__(self, work: Callable[[torch.Tensor], tuple[torch.Tensor, ...]]) -> None:
        self._work = work
        self._last: torch.Size | None = None
        self._done: DeviceEvent | None = None
        self._lock = threading.Lock()
        self.graphs: dict[torch.Size, CudaGraph] = {}
        self.refusals: dict[torch.Size, str] = {}
        """Why sizes could not be captured."""

    def __call__(self, tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do the work, by a graph if there is one for this size."""
        graph = self._graph_for(tensor)
        if graph is None:
            return self._work(tensor)
        with self._lock:
            streams.wait(tensor.device, self._done)
            results = tuple(result.clone() for result in graph(tensor))
            self._done = streams.record(tensor.device)
            return results

    def _graph_for(self, tensor: torch.Tensor) -> CudaGraph | None:
        """Return the graph for the tensor's size, captured now if the size came twice in a row.

        A capture waits for all access to the device to end, and a thread with access may wait for
        our lock: so it is not done under the lock.
        """
        size = tensor.shape
        with self._lock:
            again, self._last = size == self._last, size
            if not again or size in self.graphs or size in self.refusals:
                return self.graphs.get(size)
        try:
            graph = CudaGraph(self._work, [tensor])
        except CaptureError as error:
            self.refusals[size] = str(error)
            return None
        with self._lock:
            while len(self.graphs) >= _SIZES:
                del self.graphs[next(iter(self.graphs))]
            self.graphs[size] = graph
        return graph


def _unused_stream(priority: int) -> torch.cuda.Stream:
    """Return a stream that no living graph was captured from.

    torch keeps one workspace for the matrix products of a stream: graphs that share it would write
    into each other's (pytorch/pytorch issue 193402).
    """
    for _ in range(_STREAMS):
        stream = torch.cuda.Stream(priority=priority)  # type: ignore[no-untyped-call]
        if stream.cuda_stream not in _USED:
            break
    _USED.add(stream.cuda_stream)
    return stream


def _end_graphs() -> None:
    """Free graphs that are no longer referenced, once the device is idle."""
    torch.cuda.synchronize()
    while _ENDED:
        graph, stream = _ENDED.popleft()
        graph.reset()
        _USED.discard(stream)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Collect garbage before the block but not in it: freeing device memory would end a capture."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
