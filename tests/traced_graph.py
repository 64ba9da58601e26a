"""Stand in for what a GPU records, on a CPU: the same operations again, on the same tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.fx.experimental.proxy_tensor import make_fx


class TracedGraph:
    """As `persam_vos.runtime.cuda_graph.CudaGraph`, but that to write work down does it once.

    The first call, which has to be with the same inputs, returns what that gave. Whatever Python
    decides, and whatever tensors it makes of numbers, is as it was then; other tensors are read
    and written where they were. What calls return is overwritten by the next one.
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
