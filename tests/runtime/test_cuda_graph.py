"""What is recorded, and when; a stand-in records, since a CPU cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from persam_vos.runtime import cuda_graph
from persam_vos.runtime.cuda_graph import Download, GraphedModule

SIZES = (1, 2, 3)


class StandIn:
    """Does the work each time, and counts."""

    made: list[int]

    def __init__(
        self, work: Callable[..., tuple[torch.Tensor, ...]], inputs: Sequence[torch.Tensor]
    ) -> None:
        if len(inputs[0]) == 3:
            raise RuntimeError("out of memory")
        self.work = work
        self.made.append(len(inputs[0]))

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.work(*inputs)


class Lane:
    def wait_event(self, event: object) -> None:
        pass

    def record_event(self) -> object:
        return object()


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> GraphedModule:
    StandIn.made = []
    monkeypatch.setattr(cuda_graph, "CudaGraph", StandIn)
    monkeypatch.setattr(torch.cuda, "current_stream", Lane)
    return GraphedModule(lambda tensor: (2 * tensor,))


def ask(repeated: GraphedModule, *sizes: int) -> list[int]:
    for size in sizes:
        (result,) = repeated(torch.ones(size))
        assert torch.equal(result, torch.full((size,), 2.0))
    return StandIn.made


def test_a_size_is_recorded_when_it_comes_twice_in_a_row(repeated: GraphedModule) -> None:
    assert ask(repeated, 1, 2, 1, 2, 1) == []
    assert ask(repeated, 1, 1, 1) == [1]
    assert ask(repeated, 2, 2, 1, 2) == [1, 2]


def test_few_sizes_are_kept(repeated: GraphedModule) -> None:
    assert ask(repeated, 1, 1, 2, 2, 4, 4) == [1, 2, 4]
    assert [size.numel() for size in repeated.recordings] == [2, 4]
    assert ask(repeated, 1, 1) == [1, 2, 4, 1]


def test_what_cannot_be_recorded_is_done_and_not_tried_again(repeated: GraphedModule) -> None:
    assert ask(repeated, 3, 3, 3, 3) == []
    assert list(repeated.refusals.values()) == ["out of memory"]


def test_a_download_from_the_cpu_is_what_was_given() -> None:
    given = [torch.arange(3), torch.ones(2, 2)]
    for got, expected in zip(Download(given).wait(), given, strict=True):
        assert torch.equal(got, expected)
