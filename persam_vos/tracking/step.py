"""One frame's step, eagerly, from its embedding to its labels; and results that are pending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ..geometry import Geometry
from ..methods.base import Method
from ..runtime.graphed_step import Rendered
from ..runtime.stream import HostCopy
from ..runtime.timer import StageTimer
from ..stages.compose import compose, scale
from ..stages.coverage import coverage_of_mask, coverage_of_masks
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


@dataclass(slots=True)
class FrameStep:
    """What is done for each frame of a clip: features, propagate, render.

    How it is done, eagerly or by graphs, is the business of ``runtime.graphed_step``.
    """

    method: Method[Any]
    image_size: int
    static_shapes: bool
    timer: StageTimer
    keep_alpha: bool = False
    # Graphs read these: they have to stay.
    _weights: _Weights | None = field(default=None, init=False)

    @property
    def graphable(self) -> bool:
        """Whether the method does the same operations on every frame from now on."""
        return self.method.graphable

    def state(self) -> Iterator[torch.Tensor]:
        """Yield the tensors that the method depends on."""
        return self.method.state()

    def __call__(self, encoded: Encoded, previous: LabelMap | None) -> Rendered:
        """Label a frame; ``previous`` is the last label map, (H, W), if the method needs it."""
        logits = self.propagate(self.features(encoded), encoded, previous)
        return self.render(logits, encoded)

    def features(self, encoded: Encoded) -> Any:
        """Extract the features by which frames are matched."""
        with self.timer.part("features"):
            return self.method.features(encoded)

    def propagate(self, features: Any, encoded: Encoded, previous: LabelMap | None) -> ObjectLogits:
        """Segment all objects."""
        return self.method.propagate(features, encoded, previous)

    def render(self, logits: ObjectLogits, encoded: Encoded) -> Rendered:
        """Make labels (H, W) uint8 of logits, and `measurements` of what they show.

        With ``keep_alpha`` also the coverage by each object, (N, H, W) uint8.
        """
        with self.timer.part("compose"):
            size_hw, device = encoded.frame.size_hw, encoded.features.device
            scaled: Iterable[ScaledMasks] = self._upsample(logits, encoded)
            if self.keep_alpha:
                scaled = list(scaled)
            labels = compose(scaled, size_hw, device, of_probs=logits.guided)
            numbers = measurements(labels, logits.object_ids, logits.scores)
            if not isinstance(scaled, list):
                return labels, numbers
            ids = logits.object_ids
            return labels, numbers, coverage_of_masks(scaled, labels, ids, of_probs=logits.guided)

    def _upsample(self, logits: ObjectLogits, encoded: Encoded) -> Iterator[ScaledMasks]:
        geometry = Geometry(encoded.frame.size_hw, self.image_size)
        if not logits.guided:
            return scale(logits, geometry.logit_weights(logits.low_res_logits))
        if self._weights is None:
            self._weights = geometry.colour_weights(encoded.features.device)
        assert encoded.pixels is not None
        return guided_upsample(
            logits,
            encoded.colours[0],
            encoded.pixels,
            self._weights,
            static_shapes=self.static_shapes,
        )


@dataclass(slots=True)
class PendingResult:
    """The labels of a frame, perhaps still being computed; objects ascend by id."""

    frame: Frame
    object_ids: tuple[int, ...]
    copy: HostCopy
    _tracked: TrackedFrame | None = None

    def wait(self) -> TrackedFrame:
        """Wait for the labels, and return them."""
        if self._tracked is None:
            labels, numbers, *covered = self.copy.wait()
            objects = map(_result, self.object_ids, numbers.tolist())  # vacant rows are dropped
            alphas = dict(zip(self.object_ids, covered[0].numpy(), strict=False)) if covered else {}
            self._tracked = TrackedFrame(self.frame, labels.numpy(), tuple(objects), alphas)
        return self._tracked


def known_result(
    frame: Frame,
    label_map: LabelMap,
    object_ids: tuple[int, ...],
    scores: Sequence[float],
    *,
    keep_alpha: bool = False,
) -> PendingResult:
    """Make a result of given labels (H, W) uint8, and a score in [0, 1] for each object.

    With ``keep_alpha`` soft masks are made of the labels.
    """
    labels = torch.from_numpy(label_map)
    ids = torch.tensor(object_ids, dtype=torch.uint8)
    numbers = measurements(labels, ids, torch.tensor(scores, dtype=torch.float64))
    tensors = [labels, numbers]
    if keep_alpha:
        covered = [coverage_of_mask(label_map == one) for one in object_ids]
        tensors.append(torch.from_numpy(np.stack(covered)))
    return PendingResult(frame, object_ids, HostCopy(tensors))


def measurements(labels: torch.Tensor, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """Return score, area, top, bottom, left and right of each object: (N, 6) float64."""
    return torch.cat([scores[:, None].double(), measure(labels, ids).double()], dim=1)


def _result(object_id: int, numbers: list[float]) -> ObjectResult:
    score, *extent = numbers
    area, top, bottom, left, right = map(int, extent)
    box = (left, top, right - 1, bottom - 1) if area else None
    return ObjectResult(object_id=object_id, box_xyxy=box, area_px=area, score=score)
