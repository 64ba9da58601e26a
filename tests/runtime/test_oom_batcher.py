"""Halving what is computed at once, with real errors of the allocator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from persam_vos.errors import PersamVosError
from persam_vos.runtime.device import Compute
from persam_vos.runtime.oom_batcher import OomBatcher

CPU = Compute(torch.device("cpu"), torch.float32)


class Memory:
    """Doubles numbers, as long as no more than ``capacity`` are computed at once."""

    def __init__(self, capacity: int, fail: Callable[[], object]) -> None:
        self.capacity = capacity
        self.fail = fail
        self.tried: list[int] = []

    def __call__(self, rows: slice) -> tuple[torch.Tensor, ...]:
        self.tried.append(rows.stop - rows.start)
        if self.tried[-1] > self.capacity:
            self.fail()
        numbers = torch.arange(rows.start, rows.stop)
        return numbers, 2 * numbers


def allocate_too_much() -> None:
    torch.empty(2**60)  # no machine has that much


def run_out_on_cuda() -> None:
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB\nTraceback")


FAILURES = [allocate_too_much, run_out_on_cuda]


@pytest.mark.parametrize("fail", FAILURES)
def test_halves_until_it_fits_and_remembers(fail: Callable[[], object]) -> None:
    batcher, memory = OomBatcher(8), Memory(3, fail)
    for _ in range(2):
        numbers, doubled = batcher.run(10, memory, CPU, "number")
        assert numbers.tolist() == list(range(10))
        assert doubled.tolist() == list(range(0, 20, 2))
    assert memory.tried == [8, 4, 2, 2, 2, 2, 2, *[2] * 5]
    assert batcher.batch_size == 2


def test_a_short_batch_that_does_not_fit_is_halved_too() -> None:
    batcher, memory = OomBatcher(8), Memory(2, allocate_too_much)
    assert len(batcher.run(3, memory, CPU, "number")[0]) == 3
    assert memory.tried == [3, 1, 1, 1]


def test_what_fits_is_done_at_once_and_not_copied() -> None:
    result = torch.zeros(4)
    (same,) = OomBatcher(4).run(4, lambda _: (result,), CPU, "number")
    assert same is result


@pytest.mark.parametrize("fail", FAILURES)
def test_one_that_does_not_fit_alone_is_explained_in_one_line(fail: Callable[[], object]) -> None:
    with pytest.raises(PersamVosError) as raised:
        OomBatcher(4).run(4, Memory(0, fail), CPU, "picture to encode")
    told = str(raised.value)
    assert told.startswith("memory of cpu: got too little for one picture to encode (")
    assert "expected enough for one at a time; use a smaller image_size" in told
    assert "Traceback" not in told


def test_on_another_device_the_cpu_is_a_way_out() -> None:
    cuda = Compute(torch.device("meta"), torch.float32)
    with pytest.raises(PersamVosError, match="or device='cpu'"):
        OomBatcher(1).run(1, Memory(0, run_out_on_cuda), cuda, "picture to encode")


def test_other_errors_are_not_taken_for_it() -> None:
    def wrong() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    memory = Memory(0, wrong)
    with pytest.raises(RuntimeError, match="mat1"):
        OomBatcher(4).run(4, memory, CPU, "number")
    assert memory.tried == [4]
