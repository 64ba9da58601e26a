"""Compute many items in batches that fit the memory: batches are halved until they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import PersamVosError, param
from .device import Compute, free_cache, is_out_of_memory


@dataclass(slots=True)
class OomBatcher:
    """Batches of ``batch_size`` items; halved for good when one does not fit the memory."""

    batch_size: int = 1

    def run(
        self, count: int, work: Callable[[slice], tuple[Tensor, ...]], compute: Compute, thing: str
    ) -> tuple[Tensor, ...]:
        """Do ``work`` on ``count`` items, at least one; returns its results, concatenated.

        ``work`` gets a slice of the items, and returns tensors whose first axis counts them.
        Raises PersamVosError when not even one item fits the memory of ``compute``'s device; the
        message calls an item a ``thing``.
        """
        parts: list[tuple[Tensor, ...]] = []
        start = 0
        while start < count:
            rows = slice(start, min(start + self.batch_size, count))
            try:
                parts.append(work(rows))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                tried = rows.stop - start
                if tried == 1:
                    raise _too_large(thing, compute, error) from error
                self.batch_size = tried // 2
            else:
                start = rows.stop
                continue
            free_cache(compute)  # here, where the error no longer holds what was computed so far
        return parts[0] if len(parts) == 1 else tuple(map(torch.cat, zip(*parts, strict=True)))


def _too_large(thing: str, compute: Compute, error: RuntimeError) -> PersamVosError:
    on_cpu = compute.device.type == "cpu"
    other = "free memory that other programs hold" if on_cpu else param("device", "cpu")
    remedy = f"use a smaller {param('image_size')}, or {other}"
    reason = str(error).splitlines()[0]
    return PersamVosError(
        f"memory of {compute.device}",
        got=f"too little for one {thing} ({reason})",
        expected="enough for one at a time",
        remedy=remedy,
    )
