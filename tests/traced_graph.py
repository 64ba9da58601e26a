"""A stand-in for CUDA graphs on a CPU: replays the same operations on the same tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.fx.experimental.proxy_tensor import make_fx


class TracedGraph:
    """As `persam_vos.runtime.cuda_graph.CudaGraph`, except that tracing does the work once.

    The first call, which must have the same inputs, returns the results of that. What Python
    decided, and the tensors that it made of numbers, stay as they were then; other tensors are
    read and written where they were. Each call overwrites what the last one returned.
    """

    inputs_read = None

    def __init__(
        self,
        work: Callable[..., tuple[torch.Tensor, ...]],
        inputs: Sequence[torch.Tensor],
        *,
        high_priority: bool = False,
    ) -> None:
        self.high_priority = high_priority
        self._inputs = [tensor.clone() for tensor in inputs]
        self._outputs: tuple[torch.Tensor, ...] = ()
        self._fresh = True

        def watched(*parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
            self._outputs = tuple(result.clone() for result in work(*parts))
            return self._outputs

        with torch.inference_mode(False):
            self._graph = make_fx(watched)(*self._inputs)

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Do the work on other tensors, of the same sizes."""
        if self._fresh:
            self._fresh = False
            return self._outputs
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given)
        for kept, result in zip(self._outputs, self._graph(*self._inputs), strict=True):
            kept.copy_(result)
        return self._outputs
