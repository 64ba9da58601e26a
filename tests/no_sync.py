"""Notice what no CUDA graph can hold: operations that wait for the GPU, or read from it."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_SYNCS = {
    "aten._local_scalar_dense",  # item, tolist, bool, int, float
    "aten.nonzero",
    "aten.masked_select",
    "aten._unique2",
    "aten.unique_dim",
    "aten.repeat_interleave.Tensor",
    "aten.lift_fresh",  # tensors made of what the host knows
    "aten.equal",
}


class NoSync(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch does not say
    """Fail in the block where the host would wait for the device, or make a tensor of its own."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # nor here

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        name = str(func)
        waits = any(name.startswith(sync) for sync in _SYNCS)
        if name.startswith(("aten.index.", "aten.index_put")):
            waits |= any(index is not None and index.dtype == torch.bool for index in args[1])
        assert not waits, f"{name} waits for the device"
        return func(*args, **(kwargs or {}))
