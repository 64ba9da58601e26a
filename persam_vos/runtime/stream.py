"""Streams of a GPU: work beside other work, handed on by events; results that come later.

CPUs have no streams: there everything here does nothing, at once.
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
"""Whoever has a GPU do something shares it; who captures a graph has it exclusively."""

Stream = Callable[[], contextlib.AbstractContextManager[object]]
"""Gives contexts in which a device does things in their order; those of several streams overlap.

What is made in one is handed to another by `record` and `wait`.
"""


@contextlib.contextmanager
def device_access(device: torch.device) -> Iterator[None]:
    """Return a context in which this thread may have a device do something."""
    if device.type != "cuda":
        yield
        return
    with DEVICE_LOCK.shared(), torch.cuda.device(device):
        yield


def new_stream(device: torch.device, *, high_priority: bool = False) -> Stream:
    """Make a stream; of high priority, if the device is to prefer what is in it."""
    if device.type != "cuda":
        return contextlib.nullcontext
    priority = -1 if high_priority else 0
    stream = torch.cuda.Stream(device, priority)  # type: ignore[no-untyped-call]
    return partial(torch.cuda.stream, stream)


def record(device: torch.device) -> DeviceEvent | None:
    """Return an event: all is done that was asked for so far in the stream we are in."""
    if device.type != "cuda":
        return None
    return cast(DeviceEvent, torch.cuda.current_stream(device).record_event())


def wait(device: torch.device, event: DeviceEvent | None, tree: object = None) -> None:
    """Let the stream we are in wait for an event; ``tree`` holds the tensors that it is about.

    They are kept, until this stream has used them, from being given to others.
    """
    if event is None:
        return
    stream = torch.cuda.current_stream(device)
    stream.wait_event(cast(torch.cuda.Event, event))
    for tensor in tensors_of(tree):
        tensor.record_stream(stream)


def synchronise(device: torch.device) -> None:
    """Wait until a device has done everything that was asked of it; CPUs always have."""
    if device.type == "cuda":
        with DEVICE_LOCK.shared():  # to wait for the whole device would end a capture
            if not torch.cuda.is_current_stream_capturing():
                torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class HostCopy:
    """Copies of tensors on the host, made while the program goes on; `wait` before reading them."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._event: DeviceEvent | None = None
        self._tensors = tuple(tensors)
        if tensors[0].device.type == "cuda":
            self._tensors = tuple(_copied(tensor) for tensor in tensors)
            self._event = record(tensors[0].device)

    def wait(self) -> tuple[torch.Tensor, ...]:
        """Return the copies, on the CPU."""
        if self._event is None:
            return tuple(tensor.cpu() for tensor in self._tensors)
        self._event.synchronize()
        return tuple(tensor.clone() for tensor in self._tensors)  # pinned memory is dear


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return host.copy_(tensor, non_blocking=True)
