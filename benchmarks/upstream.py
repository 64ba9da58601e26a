"""The upstream video program of PerSAM-F, step by step, round SAM's own predictor.

As it was published: square float32 pictures; one decoder call at a time, each followed by masks
and logits of full resolution that are copied to the host; the decoder inside the loop that fits two
numbers. What differs, as in `persam_vos.methods.persam_upstream`: objects are keyed by id, an empty
mask is a result, and a frame is encoded once for all objects.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from persam_vos.stages.fit import FitSchedule, fit_scale_weights
from persam_vos.stages.prompts import box_of
from persam_vos.structures import Box, LabelMap, RgbImage

EPOCHS = 800
_RATE, _EPSILON = 4e-4, 1e-4
_MASK_VALUE = 215
_MARGIN_PX = 10

Floats = npt.NDArray[np.float32]
Prediction = tuple[npt.NDArray[np.bool_], Floats, Floats, torch.Tensor]
"""Masks (3, H, W), scores (3,), logits (3, 256, 256) on the host; logits (3, H, W) where made."""


@dataclass(slots=True)
class _Target:
    vector: torch.Tensor  # (C,) normalised
    box: Box
    weights: torch.Tensor  # (3,)


class UpstreamWay:
    """Track objects as the upstream program; ``fit_seconds`` are those of all epochs that ran.

    With fewer ``epochs`` than the program's, the weights come from a fit on logits decoded once,
    which finds the same; its time is ``untimed_seconds``.
    """

    def __init__(self, predictor: Any, epochs: int) -> None:
        self._predictor = predictor
        self._epochs = epochs
        self._targets: dict[int, _Target] = {}
        self.fit_seconds: list[float] = []
        self.untimed_seconds = 0.0

    def start(self, image: RgbImage, labels: LabelMap) -> None:
        """Learn the objects of the first frame."""
        self._predictor.set_image(image)
        for object_id in (int(i) for i in np.unique(labels) if i):
            mask = labels == object_id
            box = box_of(mask)
            assert box is not None, "the object is there"
            target = _Target(self._vector(mask), box, torch.full((3,), 1 / 3))
            target.weights = self._fit(target, mask)
            self._targets[object_id] = target

    def step(self, image: RgbImage, previous: LabelMap) -> LabelMap:
        """Label a frame after the one that has the labels ``previous``."""
        self._predictor.set_image(image)
        logits = [torch.zeros(image.shape[:2], device=self._predictor.device)]
        for object_id, target in self._targets.items():
            target.box = box_of(previous == object_id) or target.box
            found = self._best(target)
            logits.append(torch.full_like(logits[0], -torch.inf) if found is None else found)
        ids = np.array([0, *self._targets], np.uint8)
        return np.asarray(ids[torch.stack(logits).argmax(0).cpu().numpy()])

    def _fit(self, target: _Target, mask: npt.NDArray[np.bool_]) -> torch.Tensor:
        points, box = self._prompts(target)
        truth = torch.from_numpy(mask).flatten().float().to(self._predictor.device)
        numbers = torch.nn.Parameter(torch.full((2,), 1 / 3, device=truth.device))
        optimiser = torch.optim.AdamW([numbers], lr=_RATE, eps=_EPSILON)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
        for _ in range(self._epochs):
            started = time.perf_counter()
            *_, logits = self._call(points, box=box)
            weights = torch.cat([1 - numbers.sum(0, keepdim=True), numbers])
            loss = _loss((logits.flatten(1) * weights[:, None]).sum(0), truth)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
            loss.item()  # the program prints it; and the device is done
            self.fit_seconds.append(time.perf_counter() - started)
        if self._epochs >= EPOCHS:
            return torch.cat([1 - numbers.sum(0, keepdim=True), numbers]).detach()
        started = time.perf_counter()
        *_, logits = self._call(points, box=box)
        fit = FitSchedule(steps=EPOCHS, rate=_RATE, epsilon=_EPSILON)
        inside = torch.from_numpy(mask).to(logits.device)
        fitted = fit_scale_weights(logits, inside, schedule=fit)
        self.untimed_seconds += time.perf_counter() - started
        return fitted.to(truth.device)

    def _best(self, target: _Target) -> torch.Tensor | None:
        """Call the decoder three times; returns logits (H, W), or None where it finds nothing."""
        points, grown = self._prompts(target)
        masks, scores, low, high = self._call(points, box=grown)
        mask = ((high * target.weights[:, None, None]).sum(0) > 0).cpu().numpy()
        mixed = (low * target.weights.cpu().numpy()[:, None, None]).sum(0, keepdims=True)
        box = box_of(mask) or box_of(masks[scores.argmax()])
        if box is None:
            return None
        masks, scores, low, _ = self._call(points, box=box, mask=mixed)
        best = int(scores.argmax())
        box = box_of(masks[best])
        if box is None:
            return None
        masks, scores, _, high = self._call(points, box=box, mask=low[best : best + 1])
        return high[int(scores.argmax())]

    def _call(
        self, points: npt.NDArray[np.int64], *, box: Box, mask: Floats | None = None
    ) -> Prediction:
        """Predict as the upstream program's predictor: full-resolution logits beside the masks."""
        predictor = self._predictor
        size = predictor.original_size

        def tensor(array: npt.NDArray[Any]) -> torch.Tensor:
            return torch.as_tensor(array, dtype=torch.float, device=predictor.device)[None]

        logits, scores, low = predictor.predict_torch(
            tensor(predictor.transform.apply_coords(points, size)),
            torch.ones((1, len(points)), dtype=torch.int, device=predictor.device),
            tensor(predictor.transform.apply_boxes(np.array(box), size)),
            None if mask is None else tensor(mask),
            multimask_output=True,
            return_logits=True,
        )
        host = ((logits > predictor.model.mask_threshold)[0], scores[0], low[0])
        masks, best, small = (part.cpu().numpy() for part in host)
        return masks, best, small, logits[0]

    def _prompts(self, target: _Target) -> tuple[npt.NDArray[np.int64], Box]:
        """Find the most similar pixel and the grown box's centre; returns both, and that box."""
        predictor = self._predictor
        features = predictor.features[0]
        cells = features.flatten(1) / features.flatten(1).norm(dim=0)
        found = (target.vector @ cells).reshape(1, 1, *features.shape[1:])
        found = F.interpolate(found, scale_factor=4, mode="bilinear")
        size = predictor.original_size
        found = predictor.model.postprocess_masks(found, predictor.input_size, size)
        peak = int(found.argmax())
        x0, y0, x1, y1 = target.box
        grown = (
            max(0, x0 - _MARGIN_PX),
            max(0, y0 - _MARGIN_PX),
            min(size[1] - 1, x1 + _MARGIN_PX),
            min(size[0] - 1, y1 + _MARGIN_PX),
        )
        centre = ((grown[0] + grown[2]) // 2, (grown[1] + grown[3]) // 2)
        return np.array([(peak % size[1], peak // size[1]), centre]), grown

    def _vector(self, mask: npt.NDArray[np.bool_]) -> torch.Tensor:
        """Describe a target: half mean, half maximum of the features under its mask."""
        predictor = self._predictor
        picture = np.zeros((*mask.shape, 3), np.uint8)
        picture[..., 0] = mask * np.uint8(_MASK_VALUE)
        scaled = torch.from_numpy(predictor.transform.apply_image(picture)).to(predictor.device)
        square = predictor.model.preprocess(scaled.permute(2, 0, 1)[None].float())
        features = predictor.features[0]
        grid = F.interpolate(square, size=features.shape[1:], mode="bilinear")[0, 0]
        cells = grid > 0 if (grid > 0).any() else grid == grid.max()
        chosen = features[:, cells]  # (C, n)
        vector: torch.Tensor = chosen.amax(1) / 2 + chosen.mean(1) / 2
        unit: torch.Tensor = vector / vector.norm()
        return unit


def _loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Add up Dice and sigmoid focal loss of flat logits, as the upstream code."""
    probs = logits.sigmoid()
    dice = 1 - (2 * (probs * truth).sum() + 1) / (probs.sum() + truth.sum() + 1)
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    right = probs * truth + (1 - probs) * (1 - truth)
    alpha = 0.25 * truth + 0.75 * (1 - truth)
    return dice + (alpha * entropy * (1 - right) ** 2).mean()
