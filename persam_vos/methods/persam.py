"""PerSAM and PerSAM-F as the paper defines them, without the defects of the upstream code.

Per frame and object: location prior (positive and negative point), the last box and a point inside
the last mask; a first decode, guided by the target (PerSAM) or mixed from three scales (PerSAM-F);
two refinements. An object whose appearance is gone is absent, and is looked for again from the
location prior alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch

from ..config import MethodSettings
from ..geometry import LOGIT_CELL, PATCH, Geometry
from ..runtime.state_tree import StateTree, from_tree, to_tree
from ..runtime.tensor_tree import tensors_of
from ..stages import decode, fit, prompts, targets
from ..structures import Encoded, LabelMap, ObjectLogits, Prompts
from .base import Method


@dataclass(frozen=True, slots=True)
class _Target:
    """What is known of one object for ever: made on its reference frame."""

    appearance: targets.Appearance  # of one object
    semantic: torch.Tensor  # (C,) mean of the target features as they are (eq. 9)
    scale_weights: torch.Tensor  # (3,)


@dataclass(slots=True)
class PersamMethod(Method[torch.Tensor]):
    """Track objects by one appearance vector and the last mask."""

    needs_previous: ClassVar[bool] = True
    decoder: decode.Decoder
    settings: MethodSettings
    _targets: dict[int, _Target] = field(default_factory=dict)

    @torch.inference_mode()
    def add_reference(
        self, encoded: Encoded, labels: LabelMap, object_ids: tuple[int, ...]
    ) -> None:
        """Learn objects from a reference frame: appearance, and for PerSAM-F scale weights.

        ``labels`` is (H, W) at image size; every id of ``object_ids`` has a pixel in it.
        """
        features = encoded.features
        masks = torch.from_numpy(np.stack([labels == i for i in object_ids])).to(features.device)
        appearance = targets.describe_appearance(features, masks, input_hw=encoded.input_hw)
        coverage = _coverage(masks, encoded, features.shape[-2:], PATCH)
        semantic = targets.target_means(features, coverage)
        found = targets.similarity(features, appearance.vectors)
        weights = self._scale_weights(encoded, labels, object_ids, masks, found)
        for row, object_id in enumerate(object_ids):
            own = targets.joined([appearance], slice(row, row + 1))
            self._targets[object_id] = _Target(own, semantic[row], weights[row])

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
        assert previous is not None
        object_ids = tuple(sorted(self._targets))
        known = [self._targets[object_id] for object_id in object_ids]
        appearance = targets.joined([target.appearance for target in known])
        found = targets.similarity(features, appearance.vectors)
        points, with_box = self._prompts(encoded, previous, object_ids, found)
        logits, iou = self._decode(features, points, with_box, found, known)
        scores = iou.clamp(0, 1) * targets.appearance_score(found, logits, appearance)
        return ObjectLogits(
            object_ids=torch.tensor(object_ids, dtype=torch.uint8, device=logits.device),
            low_res_logits=logits,
            scores=scores,
            present=scores >= self.settings.presence_threshold,
        )

    def _decode(
        self,
        features: torch.Tensor,
        points: Prompts,
        with_box: Prompts,
        found: torch.Tensor,
        known: list[_Target],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        settings = self.settings
        if settings.method == "persam":
            guided = settings.uses("guided-attention")
            semantic = settings.uses("semantic-prompt")
            candidates = self.decoder(
                features,
                replace(
                    with_box,
                    guide=prompts.attention_guide(found, weight=settings.guide_weight)
                    if guided
                    else None,
                    semantic=torch.stack([t.semantic for t in known]) if semantic else None,
                ),
            )
            logits, iou = candidates.low_res_logits[:, 0], candidates.predicted_iou[:, 0]
        else:
            candidates = self.decoder(features, with_box)
            weights = torch.stack([t.scale_weights for t in known]).to(features.device)
            logits = decode.mixed_scales(candidates, weights)
            iou = candidates.predicted_iou[:, 1:].amax(1)
        if settings.uses("refinement"):
            for _ in range(2):
                logits, iou = decode.refine(self.decoder, features, points, logits)
        return logits, iou

    def _prompts(
        self,
        encoded: Encoded,
        previous: LabelMap,
        object_ids: tuple[int, ...],
        found: torch.Tensor,
    ) -> tuple[Prompts, Prompts]:
        """Make the point prompts, and the same with the last boxes, of every object."""
        size_hw = encoded.frame.size_hw
        geometry = Geometry(size_hw, self.decoder.network.image_size)
        positive, negative = (
            cells.tolist()
            for cells in prompts.location_prior(found, stride=PATCH, input_hw=encoded.input_hw)
        )
        tokens: list[list[prompts.Token]] = []
        boxes: list[prompts.BoxXyxy] = []
        valid: list[bool] = []
        for row, object_id in enumerate(object_ids):
            own: list[prompts.Token] = [(*positive[row], prompts.POSITIVE)]
            if self.settings.uses("negative-point"):
                own.append((*negative[row], prompts.NEGATIVE))
            mask = previous == object_id
            box, inner = prompts.box_of(mask), prompts.inner_point(mask)
            if inner is not None:
                x, y = geometry.points_to_input(torch.tensor(inner)).tolist()
                own.append((x, y, prompts.POSITIVE))
            tokens.append(own)
            valid.append(box is not None)
            margin = self.settings.box_margin * max(size_hw)
            boxes.append(prompts.grow_box(box or (0, 0, 0, 0), margin=margin, size_hw=size_hw))
        device = encoded.features.device
        points = Prompts(*prompts.stack_tokens(tokens, device))
        boxes_input = geometry.boxes_to_input(torch.tensor(boxes)).to(device)
        return points, decode.with_boxes(points, boxes_input, torch.tensor(valid, device=device))

    def _scale_weights(
        self,
        encoded: Encoded,
        labels: LabelMap,
        object_ids: tuple[int, ...],
        masks: torch.Tensor,
        found: torch.Tensor,
    ) -> torch.Tensor:
        """Fit (N, 3) scale weights on the reference frame's own prompts; thirds for PerSAM."""
        if self.settings.method == "persam":
            return torch.full((len(object_ids), 3), 1 / 3)
        _, with_box = self._prompts(encoded, labels, object_ids, found)
        candidates = self.decoder(encoded.features, with_box)
        reference = _coverage(masks, encoded, candidates.low_res_logits.shape[-2:], LOGIT_CELL)
        rows, columns = (-(-extent // LOGIT_CELL) for extent in encoded.input_hw)  # the picture
        schedule = fit.FitSchedule(self.settings.fit_steps, self.settings.fit_rate)
        return torch.stack(
            [
                fit.fit_scale_weights(
                    candidates.low_res_logits[row, 1:, :rows, :columns],
                    reference[row, :rows, :columns] >= 0.5,
                    schedule=schedule,
                )
                for row in range(len(object_ids))
            ]
        )


def _coverage(
    masks: torch.Tensor, encoded: Encoded, grid_hw: tuple[int, ...], cell: int
) -> torch.Tensor:
    """Measure the fraction of each cell of a frame's grid that each mask covers."""
    height, width = grid_hw
    return targets.grid_coverage(
        masks, input_hw=encoded.input_hw, grid_hw=(height, width), cell=cell
    )
