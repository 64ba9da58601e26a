"""What is captured, and when; a stand-in captures, since a CPU cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from traced_graph import TracedGraph

from persam_vos.methods.memory.templates import Samples
from persam_vos.runtime import cuda_graph
from persam_vos.runtime.cuda_graph import CaptureError, GraphedFunction, GraphedModule

SIZES = (1, 2, 3)


class StandIn:
    """Does the work each time, and counts."""

    captured: list[int]

    def __init__(
        self, work: Callable[..., tuple[torch.Tensor, ...]], inputs: Sequence[torch.Tensor]
    ) -> None:
        if len(inputs[0]) == 3:
            raise CaptureError("out of memory")
        self.work = work
        self.captured.append(len(inputs[0]))

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.work(*inputs)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> GraphedModule:
    StandIn.captured = []
    monkeypatch.setattr(cuda_graph, "CudaGraph", StandIn)
    return GraphedModule(lambda tensor: (2 * tensor,))


def run(module: GraphedModule, *sizes: int) -> list[int]:
    for size in sizes:
        (result,) = module(torch.ones(size))
        assert torch.equal(result, torch.full((size,), 2.0))
    return StandIn.captured


def test_a_size_is_captured_when_it_comes_twice_in_a_row(module: GraphedModule) -> None:
    assert run(module, 1, 2, 1, 2, 1) == []
    assert run(module, 1, 1, 1) == [1]
    assert run(module, 2, 2, 1, 2) == [1, 2]


def test_few_sizes_are_kept(module: GraphedModule) -> None:
    assert run(module, 1, 1, 2, 2, 4, 4) == [1, 2, 4]
    assert [size.numel() for size in module.graphs] == [2, 4]
    assert run(module, 1, 1) == [1, 2, 4, 1]


def test_what_cannot_be_captured_is_done_and_not_tried_again(module: GraphedModule) -> None:
    assert run(module, 3, 3, 3, 3) == []
    assert list(module.refusals.values()) == ["out of memory"]


def test_a_function_of_trees_is_captured_once_and_returns_trees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cuda_graph, "CudaGraph", TracedGraph)
    calls = []

    def pair(first: Samples, second: tuple[torch.Tensor, None]) -> Samples:
        calls.append(1)
        return Samples(first.features + second[0], first.valid & (second[0] > 0))

    function = GraphedFunction(pair)
    for number in (1.0, 2.0, -3.0):
        given = Samples(torch.full((2,), number), torch.tensor([True, False]))
        result = function(given, (torch.full((2,), number), None))
        assert result.features.tolist() == [2 * number] * 2
        assert result.valid.tolist() == [number > 0, False]
    assert len(calls) == 1
