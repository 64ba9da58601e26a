"""Run a clip's step on a device: eagerly, or from graphs that were captured once.

The step itself knows nothing of this. On a GPU it has three graphs: features, propagate, render.
The first and the last are replayed beside those of other frames.
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

Rendered = tuple[torch.Tensor, torch.Tensor]
"""Labels (H, W) uint8, and numbers of each object, (N, 6) float64."""


class Step(Protocol):
    """What is done for each frame, eagerly; see ``tracking.step``."""

    @property
    def graphable(self) -> bool:
        """Whether it does the same work on every frame from now on."""

    def state(self) -> Iterator[torch.Tensor]:
        """Yield the tensors that it goes on from."""

    def __call__(self, encoded: Encoded, previous: LabelMap | None) -> Rendered:
        """Do all three that follow."""

    def features(self, encoded: Encoded) -> Any:
        """Make what frames are compared by."""

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
        """Have the step's method learn something of a frame."""
        self.update(lambda: learn(self._taken(encoded)))

    def update(self, change: Callable[[], None]) -> None:
        """Change what the step goes on from, such as its objects."""
        with device_access(self._device), self._main():
            change()

    @torch.inference_mode()
    def run(self, encoded: Encoded, previous: LabelMap | None) -> HostCopy:
        """Label one frame."""
        with device_access(self._device):
            return self._run(encoded, previous)

    def _run(self, encoded: Encoded, previous: LabelMap | None) -> HostCopy:
        with self._main():
            return HostCopy(self._step(self._taken(encoded), previous))

    def _taken(self, encoded: Encoded) -> Encoded:
        """Take what another stream made, and put the image beside it if it is not there."""
        wait(self._device, encoded.ready, encoded)
        if encoded.pixels is not None:
            return encoded
        return replace(encoded, pixels=self._compute.upload(encoded.frame.image))


class GraphedStep(EagerStep):
    """Runs a step from graphs, once it is warm: nothing is then made for the first time.

    What is learned later holds for the graphs if it was written in place; else they are captured
    anew. What cannot be captured is run eagerly from then on.
    """

    def __init__(self, step: Step, compute: Compute) -> None:
        super().__init__(step, compute)
        self._beside, self._rendering = new_stream(self._device), new_stream(self._device)
        self._warm = self._refused = False
        self._capture_anew()

    def update(self, change: Callable[[], None]) -> None:
        """Change what the step goes on from; graphs hold if nothing moved."""
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
        """Label one frame by graphs; each result is overwritten by the next one's."""
        device = self._device
        with self._beside():
            wait(device, encoded.ready, encoded)
            wait(device, self._propagate.inputs_read)  # the last frame's features were read
            features = self._features(encoded)
            seen = record(device)
        with self._main():
            wait(device, seen, encoded)
            wait(device, self._render.inputs_read)  # the last frame's logits were read
            logits = self._propagate(features, encoded)
            stepped = record(device)
        with self._rendering():
            wait(device, stepped, encoded)
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
