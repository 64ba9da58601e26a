"""Run a clip's step on a device: eagerly, or from graphs that were captured once.

The step itself knows nothing of this. On a GPU it has three graphs: features, propagate, render.
The first and the last are replayed on streams of their own, while other frames propagate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import torch

from ..structures import Encoded, LabelMap, ObjectLogits
from .cuda_graph import CaptureError, GraphedFunction
from .device import Compute
from .stream import HostCopy, device_access, new_stream, record, wait
from .tensor_tree import same_tensors

Rendered = tuple[torch.Tensor, ...]
"""Labels (H, W) uint8, (N, 6) float64 `tracking.step.measurements` of each object, and their
coverage, (N, H, W) uint8, if it was asked for."""


class Step(Protocol):
    """What is done for each frame, eagerly; see ``tracking.step``."""

    @property
    def graphable(self) -> bool:
        """Whether it does the same operations on every frame from now on."""

    def state(self) -> Iterator[torch.Tensor]:
        """Yield the tensors that it depends on."""

    def __call__(self, encoded: Encoded, previous: LabelMap | None) -> Rendered:
        """Do all three that follow."""

    def features(self, encoded: Encoded) -> Any:
        """Extract the features by which frames are matched."""

    def propagate(self, features: Any, encoded: Encoded, previous: LabelMap | None) -> ObjectLogits:
        """Segment all objects."""

    def render(self, logits: ObjectLogits, encoded: Encoded) -> Rendered:
        """Make labels of logits."""


class EagerStep:
    """Runs a step as it is written, on one stream of a device."""

    def __init__(self, step: Step, compute: Compute) -> None:
        self.not_captured: dict[str, str] = {}
        """What could not be captured as a graph, and why."""
        self._step = step
        self._compute = compute
        self._device = compute.device
        self._main = new_stream(self._device, high_priority=True)

    def learn(self, encoded: Encoded, learn: Callable[[Encoded], None]) -> None:
        """Have the step's method learn from a frame."""
        self.update(lambda: learn(self._on_stream(encoded)))

    def update(self, change: Callable[[], None]) -> None:
        """Change the state of the step's method, such as its objects."""
        with device_access(self._device), self._main():
            change()

    @torch.inference_mode()
    def run(self, encoded: Encoded, previous: LabelMap | None) -> HostCopy:
        """Label one frame."""
        with device_access(self._device):
            return self._run(encoded, previous)

    def _run(self, encoded: Encoded, previous: LabelMap | None) -> HostCopy:
        with self._main():
            return HostCopy(self._step(self._on_stream(encoded), previous))

    def _on_stream(self, encoded: Encoded) -> Encoded:
        """Wait for what another stream encoded, and upload the image if it is not on the device."""
        wait(self._device, encoded.ready, encoded)
        if encoded.pixels is not None:
            return encoded
        return replace(encoded, pixels=self._compute.upload(encoded.frame.image))


class GraphedStep(EagerStep):
    """Runs a step from graphs, after a first eager run that initialises everything.

    Graphs stay valid when the method learns more, if it writes its state in place; else they are
    captured anew. A step that cannot be captured is run eagerly from then on.
    """

    def __init__(self, step: Step, compute: Compute) -> None:
        super().__init__(step, compute)
        self._extracting, self._rendering = new_stream(self._device), new_stream(self._device)
        self._warm = self._refused = False
        self._capture_anew()

    def update(self, change: Callable[[], None]) -> None:
        """Change the state of the step's method; graphs stay if it did not move."""
        before = list(self._step.state())
        super().update(change)
        if not same_tensors(before, self._step.state()):
            self._warm = self._refused = False
            self._capture_anew()

    def _run(self, encoded: Encoded, previous: LabelMap | None) -> HostCopy:
        if self._warm and self._step.graphable and not self._refused:
            try:
                return self._replay(encoded)
            except CaptureError as error:
                self._refused = True
                self.not_captured["step"] = str(error)
        self._warm = True
        return super()._run(encoded, previous)

    def _replay(self, encoded: Encoded) -> HostCopy:
        """Label one frame by graphs; the results of each are overwritten by the next replay."""
        device = self._device
        with self._extracting():
            wait(device, encoded.ready, encoded)
            # Features are overwritten: those of the last frame must have been read.
            wait(device, self._propagate.inputs_read)
            features = self._features(encoded)
            extracted = record(device)
        with self._main():
            wait(device, extracted, encoded)
            # So are logits.
            wait(device, self._render.inputs_read)
            logits = self._propagate(features, encoded)
            propagated = record(device)
        with self._rendering():
            wait(device, propagated, encoded)
            return HostCopy(self._render(logits, encoded))

    def _capture_anew(self) -> None:
        step = self._step
        self._features: GraphedFunction[Any] = GraphedFunction(step.features)
        self._propagate = GraphedFunction(
            lambda features, encoded: step.propagate(features, encoded, None), high_priority=True
        )
        self._render = GraphedFunction(step.render)


def step_runner(step: Step, compute: Compute) -> EagerStep:
    """Choose how a clip's step is run on a device."""
    return (GraphedStep if compute.static_shapes else EagerStep)(step, compute)
