"""The video programs of PerSAM's authors, to the letter, as a yardstick; only ids are mended.

Everything happens as in the upstream programs, at the picture's full resolution, one object after
the other: the target from a resized uint8 mask, half mean and half maximum of the raw features; the
most similar pixel of the upsampled map as a positive point; the centre of the last box; the last
box grown by 10 pixels; three decoder calls. What differs, and must: objects are keyed by id, so one
that vanishes does not shift the others; an empty mask is a result, not a crash; an object smaller
than a cell gets its best cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch

from ..config import MethodSettings
from ..geometry import Geometry
from ..runtime.state_tree import StateTree, from_tree, to_tree
from ..runtime.tensor_tree import tensors_of
from ..stages import decode, fit, prompts
from ..structures import Box, Encoded, LabelMap, MaskCandidates, ObjectLogits
from .base import Method
from .upstream_parts import (
    box_of_logits,
    pixel_of,
    predictor_prompts,
    similarity_map,
    target_cells,
)

_MASK_VALUE = 215  # the upstream video programs' foreground value in the mask picture
_BOX_MARGIN_PX = 10
_FIT = fit.FitSchedule(steps=800, rate=4e-4)


@dataclass(slots=True)
class _Target:
    vector: torch.Tensor  # (C,) L2-normalised
    scale_weights: torch.Tensor | None  # (3,), PerSAM-F only
    box: Box  # the last one seen


@dataclass(slots=True)
class UpstreamMethod(Method[torch.Tensor]):
    """Track objects exactly as the upstream programs do."""

    needs_previous: ClassVar[bool] = True
    decoder: decode.Decoder
    settings: MethodSettings
    _targets: dict[int, _Target] = field(default_factory=dict)

    @property
    def scale_weights(self) -> dict[int, torch.Tensor]:
        """The fitted (3,) weights of each object; empty for the training-free program."""
        return {
            object_id: target.scale_weights
            for object_id, target in self._targets.items()
            if target.scale_weights is not None
        }

    @torch.inference_mode()
    def add_reference(
        self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]
    ) -> None:
        """Learn objects from the (H, W) labels of a reference frame."""
        geometry = self._geometry(encoded)
        for object_id in object_ids:
            mask = labels == object_id
            box = prompts.box_of(mask)
            assert box is not None, "references are checked to have a pixel of every object"
            target = _Target(_target_vector(encoded.features, mask, geometry), None, box)
            if self.settings.method == "persam-f":
                points = self._points(encoded, target)
                grown, _ = _grown_box(box, geometry.size_hw)
                candidates = self._decode(encoded, points, box=grown)
                full = geometry.logits_to_image(candidates.low_res_logits[0, 1:])
                reference = torch.from_numpy(mask).to(full.device)
                target.scale_weights = fit.fit_scale_weights(full, reference, schedule=_FIT)
            self._targets[object_id] = target

    def remove(self, object_id: int) -> None:
        """Forget an object."""
        del self._targets[object_id]

    def features(self, encoded: Encoded) -> torch.Tensor:
        """Return the encoder's features, (1, C, h, w)."""
        return encoded.features

    def state(self) -> Iterator[torch.Tensor]:
        """Yield what is known of the targets."""
        return tensors_of(tuple(self._targets.values()))

    def state_dict(self) -> StateTree:
        """Return what is known of the targets."""
        return to_tree(self._targets)

    def load_state_dict(self, tree: StateTree) -> None:
        """Take over what is known of the targets."""
        self._targets = from_tree(dict[int, _Target], tree)

    @torch.inference_mode()
    def propagate(
        self, features: torch.Tensor, encoded: Encoded, previous: LabelMap | None = None
    ) -> ObjectLogits:
        """Decode every known object on a frame; ``previous`` is the last frame's label map."""
        del features  # of each object again, as upstream
        assert previous is not None
        object_ids = tuple(sorted(self._targets))
        logits, scores = [], []
        for object_id in object_ids:
            target = self._targets[object_id]
            target.box = prompts.box_of(previous == object_id) or target.box
            if target.scale_weights is None:
                result = self._training_free(encoded, target)
            else:
                result = self._fine_tuned(encoded, target, target.scale_weights)
            logits.append(result[0])
            scores.append(result[1])
        low_res = torch.stack(logits)
        ids = torch.tensor(object_ids, dtype=torch.uint8, device=low_res.device)
        sure = low_res.new_tensor(scores)
        return ObjectLogits(ids, low_res, sure, sure > 0)

    def _fine_tuned(
        self, encoded: Encoded, target: _Target, weights: torch.Tensor
    ) -> tuple[torch.Tensor, float]:
        """Run PerSAM-F's three calls; returns (256, 256) logits and their predicted IoU."""
        geometry = self._geometry(encoded)
        points = self._points(encoded, target)
        grown, _ = _grown_box(target.box, geometry.size_hw)
        first = self._decode(encoded, points, box=grown)
        weights = weights.to(encoded.features.device)[:, None, None]
        full = geometry.logits_to_image(first.low_res_logits[0, 1:])
        box = box_of_logits((full * weights).sum(0))
        if box is None:
            box = box_of_logits(full[int(first.predicted_iou[0, 1:].argmax())])
        mixed = (first.low_res_logits[0, 1:] * weights).sum(0)
        return self._refine(encoded, points, mixed, box)

    def _training_free(self, encoded: Encoded, target: _Target) -> tuple[torch.Tensor, float]:
        """Run PerSAM's three calls; returns (256, 256) logits and their predicted IoU."""
        geometry = self._geometry(encoded)
        points = self._points(encoded, target)
        grown, _ = _grown_box(target.box, geometry.size_hw)
        first = self._decode(encoded, points, box=grown)
        areas = (geometry.logits_to_image(first.low_res_logits[0, 1:]) > 0).sum((1, 2))
        # The upstream code keeps the "largest" mask by areas stored in uint8, that is modulo 256.
        kept = first.low_res_logits[0, 1 + int((areas % 256).argmax())]
        second, _ = decode.best_scale(self._decode(encoded, points, dense=kept))
        return self._last_call(encoded, points, second[0])

    def _refine(
        self, encoded: Encoded, points: list[prompts.Token], logits: torch.Tensor, box: Box | None
    ) -> tuple[torch.Tensor, float]:
        if box is None:
            return logits, 0.0
        second, _ = decode.best_scale(self._decode(encoded, points, box=box, dense=logits))
        return self._last_call(encoded, points, second[0])

    def _last_call(
        self, encoded: Encoded, points: list[prompts.Token], logits: torch.Tensor
    ) -> tuple[torch.Tensor, float]:
        box = box_of_logits(self._geometry(encoded).logits_to_image(logits[None])[0])
        if box is None:
            return logits, 0.0
        last, iou = decode.best_scale(self._decode(encoded, points, box=box, dense=logits))
        return last[0], float(iou.clamp(0, 1))

    def _points(self, encoded: Encoded, target: _Target) -> list[prompts.Token]:
        """Find the most similar pixel and the centre of the last box, in image pixels."""
        found = similarity_map(target.vector, encoded.features, self._geometry(encoded))
        _, centre = _grown_box(target.box, encoded.frame.size_hw)
        return [(x, y, prompts.POSITIVE) for x, y in (pixel_of(found.argmax(), found), centre)]

    def _decode(
        self,
        encoded: Encoded,
        points: list[prompts.Token],
        *,
        box: Box | None = None,
        dense: torch.Tensor | None = None,
    ) -> MaskCandidates:
        """Call the decoder with points and box in image pixels."""
        given = predictor_prompts(self._geometry(encoded), encoded.features.device, points, box)
        if dense is not None:
            given = replace(given, dense_logits=dense[None, None])
        return self.decoder(encoded.features, given)

    def _geometry(self, encoded: Encoded) -> Geometry:
        return Geometry(encoded.frame.size_hw, self.decoder.network.image_size)


def _target_vector(features: torch.Tensor, mask: np.ndarray, geometry: Geometry) -> torch.Tensor:
    """Describe a target as the upstream video programs do; returns (C,), normalised."""
    chosen = target_cells(features, mask, geometry, mask_value=_MASK_VALUE)
    vector = chosen.amax(0) / 2 + chosen.mean(0) / 2
    normalised: torch.Tensor = vector / vector.norm()
    return normalised


def _grown_box(box: Box, size_hw: tuple[int, int]) -> tuple[Box, tuple[float, float]]:
    """Grow a box by the upstream margin, and give the grown box's centre, in whole pixels."""
    x0, y0, x1, y1 = (
        int(edge) for edge in prompts.grow_box(box, margin=_BOX_MARGIN_PX, size_hw=size_hw)
    )
    return (x0, y0, x1, y1), (float((x0 + x1) // 2), float((y0 + y1) // 2))
