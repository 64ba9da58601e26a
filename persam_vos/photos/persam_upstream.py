"""The photo programs of PerSAM's authors, to the letter, as a yardstick.

Everything happens as there, at the photo's full resolution, one object after the other. PerSAM: the
target is the mean of the raw features under the mask; the most and the least similar pixel are
points; the similarities, standardised over the photo and stretched to the square grid, which
misaligns them unless the photo is square, are squashed by a sigmoid and added to the attention;
the target's mean is added to all tokens, their positions and the last query; two refinements.
PerSAM-F: mean and maximum mixed; one point; two fitted numbers mix three scales; two refinements.

What differs, and must: an empty mask is a result, not a crash; an object smaller than a cell gets
its best cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

from ..errors import UsageError, param
from ..geometry import PATCH, Geometry
from ..methods.upstream_parts import (
    box_of_logits,
    pixel_of,
    predictor_prompts,
    similarity_map,
    target_cells,
)
from ..scoring.label_files import present_ids
from ..stages import decode, fit, prompts
from ..structures import Box, Encoded, Frame, LabelMap, Prompts, RgbImage
from ..tracking.engine import Engine
from .method import Instance, PhotoObject
from .references import checked_references
from .settings import PhotoSettings

_MASK_VALUE = 128  # red of the first object in the palette that the programs read masks by
_FIT = fit.FitSchedule(steps=1000, rate=1e-3)


@dataclass(slots=True)
class _Target:
    vector: torch.Tensor  # (C,) L2-normalised
    semantic: torch.Tensor  # (C,) the mean as it is
    scale_weights: torch.Tensor  # (3,), which PerSAM does not use


@dataclass(slots=True)
class UpstreamPhotos:
    """Finds objects exactly as the upstream photo programs do."""

    engine: Engine
    settings: PhotoSettings
    _targets: dict[int, _Target] = field(default_factory=dict)

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The objects that were learned, ascending."""
        return tuple(sorted(self._targets))

    @torch.inference_mode()
    def learn(self, references: Sequence[tuple[RgbImage, LabelMap]]) -> None:
        """Learn objects; raises UsageError for more than one reference of an object."""
        self._targets = {}
        for image, labels in checked_references(references):
            encoded = self._encode(image)
            for object_id in sorted(present_ids(labels)):
                if object_id in self._targets:
                    raise UsageError(
                        param("references"),
                        got=f"several of object {object_id} with {param('recipe', 'upstream')}",
                        expected="one: the upstream programs know no more",
                        remedy="leave all but one out, or the recipe",
                    )
                self._targets[object_id] = self._described(encoded, labels == object_id)

    @torch.inference_mode()
    def segment(self, image: RgbImage) -> tuple[PhotoObject, ...]:
        """Find all objects in a photo; the programs never doubt that they are there."""
        encoded = self._encode(image)
        return tuple(self._found(encoded, object_id) for object_id in self.object_ids)

    def _encode(self, image: RgbImage) -> Encoded:
        return self.engine.encode_window(Frame(0, "", image, 0.0))

    def _described(self, encoded: Encoded, mask: np.ndarray) -> _Target:
        """Describe an object by its (H, W) mask; PerSAM-F's weights are fitted here."""
        geometry = self._geometry(encoded)
        cells = target_cells(encoded.features, mask, geometry, mask_value=_MASK_VALUE)
        mean = cells.mean(0)
        vector = mean if self.settings.method == "persam" else cells.amax(0) / 2 + mean / 2
        target = _Target(vector / vector.norm(), mean, torch.full((3,), 1 / 3))
        if self.settings.method == "persam-f":
            found = similarity_map(target.vector, encoded.features, geometry)
            point = (*pixel_of(found.argmax(), found), prompts.POSITIVE)
            candidates = self._decode(encoded, self._prompts(encoded, [point]))
            full = geometry.logits_to_image(candidates[0])
            reference = torch.from_numpy(mask).to(full.device)
            target.scale_weights = fit.fit_scale_weights(full, reference, schedule=_FIT)
        return target

    def _found(self, encoded: Encoded, object_id: int) -> PhotoObject:
        target, geometry = self._targets[object_id], self._geometry(encoded)
        found = similarity_map(target.vector, encoded.features, geometry)
        points = [(*pixel_of(found.argmax(), found), prompts.POSITIVE)]
        if self.settings.method == "persam":
            points.append((*pixel_of(found.argmin(), found), prompts.NEGATIVE))
            logits, iou, box = self._training_free(encoded, points, found, target)
        else:
            logits, iou, box = self._fine_tuned(encoded, points, target)
        mask = (geometry.logits_to_image(logits[None])[0] > 0).cpu().numpy()
        score = min(max(iou, 0.0), 1.0)
        cells = target.vector @ F.normalize(encoded.features[0].flatten(1), dim=0)
        rows, columns = (-(-side // PATCH) for side in encoded.input_hw)
        grid = cells.view(encoded.features.shape[-2:])[:rows, :columns]
        return PhotoObject(
            object_id=object_id,
            mask=mask,
            score=score,
            presence=1.0,
            present=True,
            confidence=grid.clamp(0, 1).cpu().numpy(),
            points=tuple(points),
            box_xyxy=box,
            instances=(Instance(mask, score),) if mask.any() else (),
        )

    def _training_free(
        self,
        encoded: Encoded,
        points: list[prompts.Token],
        found: torch.Tensor,
        target: _Target,
    ) -> tuple[torch.Tensor, float, Box | None]:
        """Run PerSAM's three calls; returns (256, 256) logits, predicted IoU and the last box."""
        guided = replace(
            self._prompts(encoded, points),
            guide=upstream_guide(found, encoded.features.shape[-2:]),
            semantic=target.semantic[None],
            semantic_places=target.semantic[None],
        )
        first = self._decoder()(encoded.features, guided).low_res_logits[0, 0]
        dense = replace(self._prompts(encoded, points), dense_logits=first[None, None])
        second, iou = decode.best_scale(self._decoder()(encoded.features, dense))
        return self._last_call(encoded, points, second[0], float(iou))

    def _fine_tuned(
        self, encoded: Encoded, points: list[prompts.Token], target: _Target
    ) -> tuple[torch.Tensor, float, Box | None]:
        """Run PerSAM-F's three calls; returns (256, 256) logits, predicted IoU and the last box."""
        weights = target.scale_weights.to(encoded.features.device)[:, None, None]
        first, iou = self._decode(encoded, self._prompts(encoded, points))
        box = box_of_logits((self._geometry(encoded).logits_to_image(first) * weights).sum(0))
        mixed = (first * weights).sum(0)
        if box is None:
            return mixed, 0.0, None
        again = replace(self._prompts(encoded, points, box), dense_logits=mixed[None, None])
        second, iou = decode.best_scale(self._decoder()(encoded.features, again))
        return self._last_call(encoded, points, second[0], float(iou))

    def _last_call(
        self, encoded: Encoded, points: list[prompts.Token], logits: torch.Tensor, iou: float
    ) -> tuple[torch.Tensor, float, Box | None]:
        box = box_of_logits(self._geometry(encoded).logits_to_image(logits[None])[0])
        if box is None:
            return logits, iou, None
        given = replace(self._prompts(encoded, points, box), dense_logits=logits[None, None])
        last, sure = decode.best_scale(self._decoder()(encoded.features, given))
        return last[0], float(sure), box

    def _decode(self, encoded: Encoded, given: Prompts) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode one object's three scales: logits (3, 256, 256) and predicted IoU (3,)."""
        candidates = self._decoder()(encoded.features, given)
        return candidates.low_res_logits[0, 1:], candidates.predicted_iou[0, 1:]

    def _prompts(
        self, encoded: Encoded, points: list[prompts.Token], box: Box | None = None
    ) -> Prompts:
        device = encoded.features.device
        return predictor_prompts(self._geometry(encoded), device, points, box)

    def _decoder(self) -> decode.Decoder:
        """Return the engine's decoder."""
        return decode.Decoder(self.engine.network, self.engine.compute)

    def _geometry(self, encoded: Encoded) -> Geometry:
        return Geometry(encoded.frame.size_hw, self.engine.settings.image_size)


def upstream_guide(found: torch.Tensor, grid_hw: Sequence[int]) -> torch.Tensor:
    """Make the guide of the upstream photo program from (H, W) similarities: (1, h * w).

    Standardised over the photo and squashed by a sigmoid. The photo is stretched to the grid of
    the padded square, which it fills only if it is square itself.
    """
    standardised = (found - found.mean()) / found.std()
    stretched = F.interpolate(
        standardised[None, None], (grid_hw[0], grid_hw[1]), mode="bilinear", align_corners=False
    )
    return stretched.sigmoid().flatten(1)
