"""PerSAM and PerSAM-F for photos, as the paper defines them; each mechanism can be switched off.

The location prior gives a positive and a negative point; the first decode is guided by the
similarities, on the padded grid that the decoder sees, and by the target's mean feature; or, in
PerSAM-F, mixed from SAM's three scales by two fitted numbers; the mask is then refined twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

from ..geometry import LOGIT_CELL, PATCH, Geometry
from ..scoring.label_files import present_ids
from ..stages import decode, fit, prompts, targets
from ..structures import Encoded, Frame, LabelMap, Prompts, RgbImage
from ..tracking.engine import Engine
from .method import Instance, PhotoObject
from .references import checked_references
from .settings import PhotoSettings

_FIT = fit.FitSchedule(steps=1000, rate=1e-3)  # the paper's, for photos
_FILLED = 0.95  # of a cell: at an object's edge features are of what is behind it, too
_PRESENT = 0.2  # score from which an object counts as present, as in videos


@dataclass(slots=True)
class _Target:
    """What is known of one object, from all of its references."""

    appearance: targets.Appearance  # of one object
    semantic: torch.Tensor  # (C,) mean of the target features as they are (eq. 9)
    scale_weights: torch.Tensor  # (3,)


@dataclass(slots=True)
class PersamPhotos:
    """Finds objects by one appearance vector each, in one photo after the other."""

    engine: Engine
    settings: PhotoSettings
    _targets: dict[int, _Target] = field(default_factory=dict)

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The objects that were learned, ascending."""
        return tuple(sorted(self._targets))

    @torch.inference_mode()
    def learn(self, references: Sequence[tuple[RgbImage, LabelMap]]) -> None:
        """Learn objects: appearance and scale weights, the mean over the references of each."""
        learned: dict[int, list[_Target]] = {}
        for image, labels in checked_references(references):
            for object_id, target in self._described(image, labels):
                learned.setdefault(object_id, []).append(target)
        self._targets = {one: _mean(several) for one, several in learned.items()}

    @torch.inference_mode()
    def segment(self, image: RgbImage) -> tuple[PhotoObject, ...]:
        """Find all objects in a photo; an object that does not seem to be there has no mask."""
        encoded = self._encode(image)
        known = [self._targets[i] for i in self.object_ids]
        appearance = targets.joined([one.appearance for one in known])
        found = targets.similarity(encoded.features, appearance.vectors)
        points = self._points(found, encoded)
        logits, iou, boxes = self._decode(encoded, points, found, known)
        presence = targets.appearance_score(found, logits, appearance)
        scores = iou.clamp(0, 1) * presence
        geometry = Geometry(image.shape[:2], self.engine.settings.image_size)
        masks = (geometry.logits_to_image(logits) > 0).cpu().numpy()
        rows, columns = (-(-side // PATCH) for side in encoded.input_hw)
        results = []
        for row, object_id in enumerate(self.object_ids):
            score = float(scores[row])
            present = score >= _PRESENT
            mask = (
                masks[row] if present or not self.settings.absent_is_empty else masks[row] & False
            )
            results.append(
                PhotoObject(
                    object_id=object_id,
                    mask=mask,
                    score=score,
                    presence=float(presence[row]),
                    present=present,
                    confidence=_unit(found[row, :rows, :columns]),
                    points=_in_picture(points.points_xy[row], points.point_labels[row], geometry),
                    box_xyxy=None if boxes is None else _box_in_picture(boxes[row], geometry),
                    instances=(Instance(mask, score),) if mask.any() else (),
                )
            )
        return tuple(results)

    def _encode(self, image: RgbImage) -> Encoded:
        return self.engine.encode_window(Frame(0, "", image, 0.0))

    def _decoder(self) -> decode.Decoder:
        return decode.Decoder(self.engine.network, self.engine.compute)

    def _described(self, image: RgbImage, labels: LabelMap) -> list[tuple[int, _Target]]:
        """Describe the objects of one reference."""
        ids = sorted(present_ids(labels))
        encoded = self._encode(image)
        features = encoded.features
        masks = torch.from_numpy(np.stack([labels == i for i in ids])).to(features.device)
        appearance = targets.describe_appearance(
            features, masks, input_hw=encoded.input_hw, least=_FILLED
        )
        coverage = _coverage(masks, encoded, PATCH)
        semantic = targets.target_means(features, coverage, least=_FILLED)
        weights = self._scale_weights(encoded, masks, appearance)
        return [
            (
                object_id,
                _Target(
                    targets.joined([appearance], slice(row, row + 1)), semantic[row], weights[row]
                ),
            )
            for row, object_id in enumerate(ids)
        ]

    def _points(self, found: torch.Tensor, encoded: Encoded) -> Prompts:
        """Make the location prior (eq. 7) of each object, at a pixel, and SAM's padding point."""
        device, uses = found.device, self.settings.uses
        smooth = F.interpolate(
            found[:, None], scale_factor=PATCH, mode="bilinear", align_corners=False
        )
        positive, negative = (
            pixels.tolist()
            for pixels in prompts.location_prior(smooth[:, 0], stride=1, input_hw=encoded.input_hw)
        )
        tokens: list[list[prompts.Token]] = []
        for row in range(len(found)):
            own: list[prompts.Token] = []
            if uses("location-prior"):
                own.append((*positive[row], prompts.POSITIVE))
            if uses("location-prior") and uses("negative-point"):
                own.append((*negative[row], prompts.NEGATIVE))
            tokens.append(own)
        return Prompts(*prompts.stack_tokens(tokens, device))

    def _decode(
        self, encoded: Encoded, points: Prompts, found: torch.Tensor, known: list[_Target]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Decode and refine; returns logits (N, 256, 256), predicted IoU (N,) and boxes used."""
        settings, decoder, features = self.settings, self._decoder(), encoded.features
        candidates = decoder(features, self._guided(_unboxed(points), found, known))
        if settings.method == "persam":
            logits, iou = candidates.low_res_logits[:, 0], candidates.predicted_iou[:, 0]
        else:
            weights = torch.stack([one.scale_weights for one in known]).to(features.device)
            logits = decode.mixed_scales(candidates, weights)
            iou = candidates.predicted_iou[:, 1:].amax(1)
        if not settings.uses("refinement"):
            return logits, iou, None
        dense = replace(_unboxed(points), dense_logits=logits[:, None])
        logits, iou = decode.best_scale(decoder(features, dense))
        boxes, _ = decode.logit_boxes(logits)
        logits, iou = decode.refine(decoder, features, points, logits)
        return logits, iou, boxes

    def _guided(self, points: Prompts, found: torch.Tensor, known: list[_Target]) -> Prompts:
        """Add the target's guidance to the prompts of PerSAM's first decode (eq. 8 to 10).

        PerSAM-F asks SAM as it is for its three scales: with guidance it has 3.4 mIoU less.
        """
        if self.settings.method == "persam-f":
            return points
        if self.settings.uses("guided-attention"):
            points = replace(points, guide=prompts.attention_guide(found, weight=1.0))
        if self.settings.uses("semantic-prompt"):
            points = replace(points, semantic=torch.stack([one.semantic for one in known]))
        return points

    def _scale_weights(
        self, encoded: Encoded, masks: torch.Tensor, appearance: targets.Appearance
    ) -> torch.Tensor:
        """Fit (N, 3) scale weights on the reference's own location prior; thirds for PerSAM."""
        if self.settings.method == "persam" or not self.settings.uses("scale-tuning"):
            return torch.full((len(masks), 3), 1 / 3)
        found = targets.similarity(encoded.features, appearance.vectors)
        candidates = self._decoder()(encoded.features, _unboxed(self._points(found, encoded)))
        reference = _coverage(masks, encoded, LOGIT_CELL)
        rows, columns = (-(-side // LOGIT_CELL) for side in encoded.input_hw)
        return torch.stack(
            [
                fit.fit_scale_weights(
                    logits[1:, :rows, :columns], own[:rows, :columns] >= 0.5, schedule=_FIT
                )
                for logits, own in zip(candidates.low_res_logits, reference, strict=True)
            ]
        )


def _mean(several: list[_Target]) -> _Target:
    """Average what references say of one object."""
    parts = zip(
        *(
            (one.appearance.vectors, one.appearance.own_similarity, one.appearance.other_similarity)
            for one in several
        ),
        strict=True,
    )
    return _Target(
        targets.Appearance(*(torch.stack(part).mean(0) for part in parts)),
        torch.stack([one.semantic for one in several]).mean(0),
        torch.stack([one.scale_weights for one in several]).mean(0),
    )


def _unboxed(points: Prompts) -> Prompts:
    """Add SAM's padding point, which stands in for a box."""
    count, device = len(points.points_xy), points.points_xy.device
    nothing = torch.zeros(count, dtype=torch.bool, device=device)
    return decode.with_boxes(points, torch.zeros((count, 4), device=device), nothing)


def _coverage(masks: torch.Tensor, encoded: Encoded, cell: int) -> torch.Tensor:
    height, width = (side * PATCH // cell for side in encoded.features.shape[-2:])
    return targets.grid_coverage(
        masks, input_hw=encoded.input_hw, grid_hw=(height, width), cell=cell
    )


def _unit(similarities: torch.Tensor) -> np.ndarray:
    """Bring cosine similarities to [0, 1]."""
    return similarities.clamp(0, 1).float().cpu().numpy()


def _in_picture(
    xy: torch.Tensor, labels: torch.Tensor, geometry: Geometry
) -> tuple[tuple[float, float, int], ...]:
    """Return points of the input as points of the picture, without those that are absent."""
    factors = [old / new for new, old in zip(geometry.input_hw, geometry.size_hw, strict=True)]
    return tuple(
        (x * factors[1], y * factors[0], label)
        for (x, y), label in zip(xy.tolist(), labels.tolist(), strict=True)
        if label in (prompts.POSITIVE, prompts.NEGATIVE)
    )


def _box_in_picture(box: torch.Tensor, geometry: Geometry) -> tuple[float, float, float, float]:
    factors = [old / new for new, old in zip(geometry.input_hw, geometry.size_hw, strict=True)]
    x0, y0, x1, y1 = box.tolist()
    return (x0 * factors[1], y0 * factors[0], x1 * factors[1], y1 * factors[0])
