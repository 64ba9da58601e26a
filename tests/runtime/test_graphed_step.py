"""When a step is run eagerly, and when from graphs; a stand-in captures, since a CPU cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from static_compute import StaticCompute
from traced_graph import TracedGraph

from persam_vos.runtime import cuda_graph
from persam_vos.runtime.cuda_graph import CaptureError
from persam_vos.runtime.device import Compute
from persam_vos.runtime.graphed_step import EagerStep, GraphedStep, Rendered, step_runner
from persam_vos.structures import Encoded, Frame, LabelMap, ObjectLogits

CPU = torch.device("cpu")


@dataclass
class Counting:
    """Counts how often Python runs it; its state is a number that every frame adds to."""

    total: torch.Tensor = field(default_factory=lambda: torch.zeros(1))
    graphable: bool = True
    runs: int = 0

    def state(self) -> Iterator[torch.Tensor]:
        yield self.total

    def features(self, encoded: Encoded) -> tuple[torch.Tensor]:
        return (encoded.features.sum().view(1),)

    def propagate(self, features: Any, encoded: Encoded, previous: LabelMap | None) -> ObjectLogits:
        del encoded, previous
        self.runs += 1
        self.total += features[0]
        ids, ones = torch.ones(1, dtype=torch.uint8), torch.ones(1)
        return ObjectLogits(ids, self.total.view(1, 1, 1) + 0, ones, ones > 0)

    def render(self, logits: ObjectLogits, encoded: Encoded) -> Rendered:
        del encoded
        return logits.low_res_logits[0] * 1, logits.scores[:, None] * 1


def frame(number: float) -> Encoded:
    image = np.zeros((2, 2, 3), np.uint8)
    shown = Frame(0, "0", image, 0.0)
    pixels = torch.from_numpy(image)
    return Encoded(shown, torch.full((1, 1, 1, 1), number), (2, 2), torch.zeros(1), pixels=pixels)


@pytest.fixture
def graphed(monkeypatch: pytest.MonkeyPatch) -> tuple[Counting, GraphedStep]:
    monkeypatch.setattr(cuda_graph, "CudaGraph", TracedGraph)
    step = Counting()
    return step, GraphedStep(step, StaticCompute(CPU, torch.float32))


def totals(runner: EagerStep, *numbers: float) -> list[float]:
    with torch.inference_mode(False), torch.no_grad():
        return [float(runner._run(frame(number), None).wait()[0]) for number in numbers]


def test_the_device_chooses_how_steps_are_run() -> None:
    assert type(step_runner(Counting(), Compute(CPU, torch.float32))) is EagerStep
    assert type(step_runner(Counting(), StaticCompute(CPU, torch.float32))) is GraphedStep


def test_an_eager_step_is_run_each_time() -> None:
    step = Counting()
    assert totals(EagerStep(step, Compute(CPU, torch.float32)), 1, 2, 3) == [1, 3, 6]
    assert step.runs == 3


def test_a_warm_step_is_captured_once_and_goes_on_from_its_state(
    graphed: tuple[Counting, GraphedStep],
) -> None:
    step, runner = graphed
    assert totals(runner, 1, 2, 3, 4) == [1, 3, 6, 10]
    assert step.runs == 2, "once eagerly, and once to be captured"


def test_a_step_that_may_still_change_is_not_captured(
    graphed: tuple[Counting, GraphedStep],
) -> None:
    step, runner = graphed
    step.graphable = False
    assert totals(runner, 1, 2, 3) == [1, 3, 6]
    assert step.runs == 3


def test_graphs_hold_for_what_was_learned_in_place(graphed: tuple[Counting, GraphedStep]) -> None:
    step, runner = graphed
    totals(runner, 1, 2, 3)
    runner.learn(frame(0), lambda _: step.total.fill_(100) and None)
    assert totals(runner, 1, 1) == [101, 102]
    assert step.runs == 2


def test_what_moved_is_captured_anew(graphed: tuple[Counting, GraphedStep]) -> None:
    step, runner = graphed
    totals(runner, 1, 2, 3)

    def move(_: Encoded) -> None:
        step.total = torch.full((1,), 50.0)

    runner.learn(frame(0), move)
    assert totals(runner, 1, 1, 1) == [51, 52, 53]
    assert step.runs == 4, "once more of each"


def test_what_cannot_be_captured_is_run_eagerly_and_the_reason_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise CaptureError("out of memory")

    monkeypatch.setattr(cuda_graph, "CudaGraph", refuse)
    step = Counting()
    runner = GraphedStep(step, StaticCompute(CPU, torch.float32))
    assert totals(runner, 1, 2, 3) == [1, 3, 6]
    assert runner.not_captured == {"step": "out of memory"}


def test_other_errors_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(cuda_graph, "CudaGraph", fail)
    runner = GraphedStep(Counting(), StaticCompute(CPU, torch.float32))
    with pytest.raises(RuntimeError, match="a fault of ours"):
        totals(runner, 1, 2)
