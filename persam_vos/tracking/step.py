"""From a frame's embedding to its labels, on the device, and from there to the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import torch

from ..geometry import Geometry
from ..methods.memory.features import Cells
from ..methods.memory.tracker import MemoryMethod
from ..runtime.cuda_graph import CudaGraph, Download
from ..runtime.device import Compute, Lane
from ..runtime.timer import StageTimer
from ..stages.compose import compose, scale
from ..stages.guided_upsample import guided_upsample
from ..stages.measure import measure
from ..structures import (
    Encoded,
    Frame,
    LabelMap,
    ObjectLogits,
    ObjectResult,
    ScaledMasks,
    TrackedFrame,
)

_Weights = tuple[torch.Tensor, torch.Tensor]


class Method(Protocol):
    """What ``method`` and ``recipe`` choose: learns objects, then answers frame by frame."""

    uses_previous: ClassVar[bool]
    """Whether a step needs the last frame's labels."""

    def describe(self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]) -> None:
        """Learn the objects of a reference frame."""

    def step(self, encoded: Encoded, previous: LabelMap | None) -> ObjectLogits:
        """Answer for every known object on the next frame."""


@dataclass(slots=True)
class Answer:
    """The labels of a frame, on their way; objects in ascending order of their ids."""

    frame: Frame
    object_ids: tuple[int, ...]
    download: Download
    _tracked: TrackedFrame | None = None

    def wait(self) -> TrackedFrame:
        """Return the labels once they are there."""
        if self._tracked is None:
            labels, numbers = self.download.wait()
            objects = map(_result, self.object_ids, numbers.tolist())  # vacant rows are left over
            self._tracked = TrackedFrame(self.frame, labels.numpy(), tuple(objects))
        return self._tracked


@dataclass(slots=True)
class FrameStep:
    """A method, and what makes labels of its logits: does all of it for one frame after another.

    On a GPU what a settled method does is recorded once, and then repeated: how a frame is seen,
    the step, and how labels are drawn. The first and the last are done beside the steps of other
    frames.
    """

    method: Method
    compute: Compute
    image_size: int
    timer: StageTimer
    _warm: bool = False  # a step was done as the next will be: nothing is made for the first time
    _refused: bool = False
    _sight: CudaGraph | None = None
    _step: CudaGraph | None = None
    _drawing: CudaGraph | None = None
    _weights: _Weights | None = None  # kept, since recordings read them
    _sights: Lane = field(init=False)
    _steps: Lane = field(init=False)
    _drawings: Lane = field(init=False)

    def __post_init__(self) -> None:
        self._steps = self.compute.new_lane(first=True)
        self._sights, self._drawings = self.compute.new_lane(), self.compute.new_lane()

    def learn(self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]) -> None:
        """Learn the objects of a reference frame; what was recorded holds if there is room."""
        method = self.method
        with self.compute.turn(), self._steps():
            before = method.tables if isinstance(method, MemoryMethod) else None
            method.describe(self._with_pixels(encoded), labels, object_ids)
            if isinstance(method, MemoryMethod) and method.tables == before:
                return
        self._sight = self._step = self._drawing = None
        self._warm = self._refused = False

    @torch.inference_mode()
    def label(self, encoded: Encoded, previous: LabelMap | None) -> Download:
        """Label one frame; what is downloaded are labels (H, W) uint8 and `_numbers`."""
        with self.compute.turn():
            return self._label(encoded, previous)

    def _label(self, encoded: Encoded, previous: LabelMap | None) -> Download:
        method = self.method
        if isinstance(method, MemoryMethod) and method.settled and self._warm and not self._refused:
            try:
                return self._repeated(method, encoded)
            except RuntimeError:
                if self._drawing is not None:  # everything is recorded: it is not that which failed
                    raise
                self._refused = True  # no memory for it, or another program's doing
        self._warm = True
        with self._steps():
            encoded = self._with_pixels(encoded)
            return Download(self._drawn(method.step(encoded, previous), encoded))

    def _with_pixels(self, encoded: Encoded) -> Encoded:
        """Take what another lane made, and put the image beside it if it is not there."""
        self.compute.take(encoded.made, encoded.tensors.values())
        if encoded.pixels is not None:
            return encoded
        return replace(encoded, pixels=self.compute.upload(encoded.frame.image))

    def _repeated(self, method: MemoryMethod, encoded: Encoded) -> Download:
        """Label one frame by what was recorded; each answer is overwritten by the next one's."""
        take, mark = self.compute.take, self.compute.mark
        with self._sights():
            take(encoded.made, encoded.tensors.values())
            take(_taken(self._step))  # what was seen last was read
            cells = self._repeated_sight(method, encoded)
            seen = mark()
        with self._steps():
            take(seen, [encoded.features, encoded.pixels])
            take(_taken(self._drawing))  # the last answer was read
            logits = self._repeated_step(method, cells, encoded)
            stepped = mark()
        with self._drawings():
            take(stepped, [encoded.colours, encoded.pixels])
            return Download(self._repeated_drawing(logits, encoded))

    def _repeated_sight(self, method: MemoryMethod, encoded: Encoded) -> Cells:
        inputs = encoded.tensors

        def work(*parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
            named: Any = dict(zip(inputs, parts, strict=True))
            return method.see(replace(encoded, **named)).tables

        self._sight = self._sight or CudaGraph(work, list(inputs.values()))
        coarse, middle, fine = self._sight(*inputs.values())
        height, width = encoded.features.shape[-2:]
        return Cells(coarse, middle, fine, (height, width))

    def _repeated_step(self, method: MemoryMethod, cells: Cells, encoded: Encoded) -> ObjectLogits:
        assert encoded.pixels is not None

        def work(*parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
            coarse, middle, fine, features, pixels = parts
            shown = replace(encoded, features=features, pixels=pixels)
            return method.answer(Cells(coarse, middle, fine, cells.grid_hw), shown).tensors

        inputs = (*cells.tables, encoded.features, encoded.pixels)
        self._step = self._step or CudaGraph(work, inputs, first=True)
        return ObjectLogits.from_tensors(self._step(*inputs), outlined=True)

    def _repeated_drawing(self, logits: ObjectLogits, encoded: Encoded) -> tuple[torch.Tensor, ...]:
        assert encoded.pixels is not None

        def work(*parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
            colours, pixels, *answer = parts
            shown = replace(encoded, colours=colours, pixels=pixels)
            return self._drawn(ObjectLogits.from_tensors(answer, outlined=True), shown)

        inputs = (encoded.colours, encoded.pixels, *logits.tensors)
        self._drawing = self._drawing or CudaGraph(work, inputs)
        return self._drawing(*inputs)

    def _drawn(self, logits: ObjectLogits, encoded: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
        """Make labels (H, W) uint8 of logits, and `_numbers` of what they show."""
        with self.timer.part("compose"):
            scaled = self._scaled(logits, encoded)
            size_hw, device = encoded.frame.size_hw, encoded.features.device
            labels = compose(scaled, size_hw, device, of_shares=logits.outlined)
            return labels, _numbers(labels, logits.object_ids, logits.scores)

    def _scaled(self, logits: ObjectLogits, encoded: Encoded) -> Iterator[ScaledMasks]:
        geometry = Geometry(encoded.frame.size_hw, self.image_size)
        if not logits.outlined:
            return scale(logits, geometry.logit_weights(logits.low_res_logits))
        if self._weights is None:
            self._weights = geometry.colour_weights(encoded.features.device)
        assert encoded.pixels is not None
        return guided_upsample(
            logits,
            encoded.colours[0],
            encoded.pixels,
            self._weights,
            fixed=self.compute.records,
        )


def _taken(recording: CudaGraph | None) -> torch.cuda.Event | None:
    return recording.taken if recording else None


def known_result(
    frame: Frame, label_map: LabelMap, object_ids: tuple[int, ...], scores: list[float]
) -> Answer:
    """Make an answer of labels (H, W) that are known, and a score for each object."""
    labels = torch.from_numpy(label_map)
    ids = torch.tensor(object_ids, dtype=torch.uint8)
    numbers = _numbers(labels, ids, torch.tensor(scores, dtype=torch.float64))
    return Answer(frame, object_ids, Download([labels, numbers]))


def _numbers(labels: torch.Tensor, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """Return score, area, top, bottom, left and right of each object: (N, 6) float64."""
    return torch.cat([scores[:, None].double(), measure(labels, ids).double()], dim=1)


def _result(object_id: int, numbers: list[float]) -> ObjectResult:
    score, *extent = numbers
    area, top, bottom, left, right = map(int, extent)
    box = (left, top, right - 1, bottom - 1) if area else None
    return ObjectResult(object_id=object_id, box_xyxy=box, area_px=area, score=score)
