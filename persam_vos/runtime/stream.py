"""CUDA streams and events, and copies to the host that are waited for later.

CPUs have no streams: there all of this does nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import cast

import torch

from ..structures import DeviceEvent
from .shared_lock import SharedLock
from .tensor_tree import tensors_of

DEVICE_LOCK = SharedLock()
"""Shared by threads that launch work on a GPU; held exclusively while a graph is captured."""

Stream = Callable[[], contextlib.AbstractContextManager[object]]
"""Makes contexts whose work a device does in order; work of several streams overlaps.

What one stream computes is handed to another by `record` and `wait`.
"""


@contextlib.contextmanager
def device_access(device: torch.device) -> Iterator[None]:
    """Return a context in which this thread may launch work on a device."""
    if device.type != "cuda":
        yield
        return
    with DEVICE_LOCK.shared(), torch.cuda.device(device):
        yield


def new_stream(device: torch.device, *, high_priority: bool = False) -> Stream:
    """Make a stream, whose work the device prefers if it has ``high_priority``."""
    if device.type != "cuda":
        return contextlib.nullcontext
    priority = -1 if high_priority else 0
    stream = torch.cuda.Stream(device, priority)  # type: ignore[no-untyped-call]
    return partial(torch.cuda.stream, stream)


def record(device: torch.device) -> DeviceEvent | None:
    """Record an event on the current stream: it occurs when all work launched so far is done."""
    if device.type != "cuda":
        return None
    return cast(DeviceEvent, torch.cuda.current_stream(device).record_event())


def wait(device: torch.device, event: DeviceEvent | None, tree: object = None) -> None:
    """Let the current stream wait for an event, after which it may use the tensors of ``tree``.

    Their memory is not reused before this stream is done with them.
    """
    if event is None:
        return
    stream = torch.cuda.current_stream(device)
    stream.wait_event(cast(torch.cuda.Event, event))
    for tensor in tensors_of(tree):
        tensor.record_stream(stream)


def synchronise(device: torch.device) -> None:
    """Wait until a device has done all work that was launched; CPUs always have."""
    if device.type == "cuda":
        with DEVICE_LOCK.shared():  # to wait for the whole device would end a capture
            if not torch.cuda.is_current_stream_capturing():
                torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class HostCopy:
    """Copies of tensors to the host, made in the background; `wait` returns them."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._event: DeviceEvent | None = None
        self._tensors = tuple(tensors)
        if tensors[0].device.type == "cuda":
            self._tensors = tuple(_copy_to_host(tensor) for tensor in tensors)
            self._event = record(tensors[0].device)

    def wait(self) -> tuple[torch.Tensor, ...]:
        """Return the copies, on the CPU."""
        if self._event is None:
            return tuple(tensor.cpu() for tensor in self._tensors)
        self._event.synchronize()
        return tuple(tensor.clone() for tensor in self._tensors)  # pinned memory is scarce


def _copy_to_host(tensor: torch.Tensor) -> torch.Tensor:
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return host.copy_(tensor, non_blocking=True)
