"""What this machine can do at best, and what some work needs at least: arithmetic and bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.timing import measure
from persam_vos.runtime.device import Compute

_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Machine:
    """The best rates seen: of a matrix product in the precision that is used, and of a copy."""

    flops_per_second: float
    bytes_per_second: float

    def floor_seconds(self, needs: Needs) -> float:
        """Say what work takes at least: its arithmetic or its bytes, whichever is more."""
        arithmetic = needs.flops / self.flops_per_second
        return max(arithmetic, needs.least_bytes / self.bytes_per_second)


@dataclass(frozen=True, slots=True)
class Needs:
    """What some work needs.

    ``flops`` are those of its matrix products and convolutions, two for a multiply-add.
    ``least_bytes`` are its weights, inputs and results, each moved once; ``operation_bytes`` what
    all its operations read and write when none is fused with its neighbour.
    """

    flops: int
    least_bytes: int
    operation_bytes: int


def measure_machine(compute: Compute) -> Machine:
    """Multiply large matrices and copy a large array, and keep the best of some times."""
    large = compute.device.type != "cpu"
    side, count = (8192, 1 << 28) if large else (2048, 1 << 26)
    left = torch.randn((side, side), device=compute.device, dtype=compute.dtype)
    right = torch.randn_like(left)
    product = torch.empty_like(left)
    times = measure(lambda: torch.mm(left, right, out=product), compute, repeats=_REPEATS)
    source = torch.ones(count, device=compute.device)  # 4 bytes each
    target = torch.empty_like(source)
    copies = measure(lambda: target.copy_(source), compute, repeats=_REPEATS)
    return Machine(2 * side**3 / min(times), 2 * 4 * count / min(copies))


def count_needs(
    work: Callable[[], object],
    modules: Iterable[object],
    arrays: Iterable[torch.Tensor | None],
) -> Needs:
    """Count what work needs, given the modules whose weights it uses, its inputs and results."""
    weights: list[torch.Tensor] = []
    for module in modules:
        assert isinstance(module, torch.nn.Module), "the parts of networks"
        weights += module.parameters()
    least = sum(tensor.nbytes for tensor in (*weights, *arrays) if tensor is not None)
    with FlopCounterMode(display=False) as counter:
        work()
    with _Traffic() as traffic:
        work()
    return Needs(counter.get_total_flops(), least, traffic.bytes)


class _Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch does not say
    """Adds up the bytes of the tensors that operations take and give; views move nothing."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # nor here
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = tree_leaves((args, kwargs, result))
            self.bytes += sum(one.nbytes for one in tensors if isinstance(one, torch.Tensor))
        return result
