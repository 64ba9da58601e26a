"""Describe a reference picture of a target: cells on its objects, and cells beside them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from ..geometry import LOGIT_CELL, PATCH
from ..stages import decode, fit, prompts, targets
from ..structures import Encoded, LabelMap, Prompts
from .features import S8_CELL, cell_features, coarser
from .target import Cells, SourceFile, TargetReference

_CELLS = 4096  # of all references: 3 MB, whatever their number
_OBJECT_CELLS = 512  # of each object, at most
_BACKGROUND_CELLS = 768  # of each picture, at most
_FRINGE = 0.05  # of a cell of stride 16: with less of the objects it is background
_THUMBNAIL = 160  # pixels on the long side
_SCHEDULE = fit.FitSchedule(steps=1000, rate=1e-3)  # the paper's


def describe_reference(
    encoded: Encoded,
    labels: LabelMap,
    object_ids: Sequence[int],
    *,
    files: tuple[SourceFile, SourceFile],
    pictures: int = 1,
) -> TargetReference:
    """Describe the objects that a picture shows; ``labels`` is (H, W), of its size.

    ``object_ids`` are those of the whole target; ``files`` image and mask; ``pictures`` how many
    references there are, who share the room in the file.
    """
    shown = [i for i in object_ids if (labels == i).any()]
    s8 = cell_features(encoded)
    height, width = s8.shape[:2]
    masks = torch.from_numpy(np.stack([labels == i for i in object_ids])).to(s8.device)
    coverage = targets.grid_coverage(
        masks, input_hw=encoded.input_hw, grid_hw=(height, width), cell=S8_CELL
    )
    share = _CELLS // (2 * pictures)
    chosen = torch.cat(
        [
            _spread(
                _on_object(coverage[object_ids.index(i)]), min(_OBJECT_CELLS, share // len(shown))
            )
            for i in shown
        ]
    )
    coverage_s16 = F.avg_pool2d(coverage, 2)
    beside = (coverage_s16.sum(0) < _FRINGE) & in_picture(coverage_s16.shape[1:], encoded)
    ground = _spread(beside.flatten().nonzero()[:, 0], min(_BACKGROUND_CELLS, share))
    size_hw = encoded.frame.size_hw
    return TargetReference(
        image=files[0],
        mask=files[1],
        size_hw=size_hw,
        object_ids=tuple(shown),
        objects=_cells(s8.flatten(0, 1), coverage, chosen),
        background=_cells(coarser(s8).flatten(0, 1), coverage_s16, ground),
        thumbnail=_thumbnail(encoded.frame.image, cv2.INTER_AREA),
        thumbnail_labels=_thumbnail(labels, cv2.INTER_NEAREST_EXACT),
    )


def fit_scales(decoder: decode.Decoder, encoded: Encoded, masks: torch.Tensor) -> torch.Tensor:
    """Fit PerSAM-F's weights of SAM's three scales to (N, H, W) bool masks of a picture: (N, 3).

    The prompts are the box of each mask and a point inside. Returns float32 on the CPU.
    """
    height, width = (PATCH // LOGIT_CELL * side for side in encoded.features.shape[-2:])
    coverage = targets.grid_coverage(
        masks, input_hw=encoded.input_hw, grid_hw=(height, width), cell=LOGIT_CELL
    )
    threshold = coverage.amax((1, 2), keepdim=True).clamp(1e-3, 0.5)
    solid = coverage >= threshold  # thin objects fill no cell
    candidates = decoder(encoded.features, boxed(solid))
    rows, columns = (-(-side // LOGIT_CELL) for side in encoded.input_hw)
    return torch.stack(
        [
            fit.fit_scale_weights(
                logits[1:, :rows, :columns], own[:rows, :columns], schedule=_SCHEDULE
            )
            for logits, own in zip(candidates.low_res_logits, solid, strict=True)
        ]
    )


def boxed(masks: torch.Tensor) -> Prompts:
    """Make the prompts for (N, 4h, 4w) bool masks, none of them empty: box and point inside."""
    points = [prompts.inner_point(mask) for mask in masks.cpu().numpy()]
    xy = (torch.tensor(points, device=masks.device)[:, None] + 0.5) * LOGIT_CELL
    inside = torch.full(xy.shape[:2], prompts.POSITIVE, device=masks.device)
    return decode.with_boxes(Prompts(xy, inside), *decode.logit_boxes(masks.float()))


def in_picture(grid_hw: Sequence[int], encoded: Encoded) -> torch.Tensor:
    """Tell which cells of an (h, w) grid over the encoder's input have their centre in the picture.

    The input is that of ``encoded``, which may be padded. Returns (h, w) bool.
    """
    cell = PATCH * encoded.features.shape[-2] / grid_hw[0]
    inside = [
        (torch.arange(cells, device=encoded.features.device) + 0.5) * cell < side
        for cells, side in zip(grid_hw, encoded.input_hw, strict=True)
    ]
    return inside[0][:, None] & inside[1]


def _on_object(coverage: torch.Tensor) -> torch.Tensor:
    """List the cells that (h, w) ``coverage`` fills by half, or as far as it fills any: (n,)."""
    threshold = coverage.amax().clamp(1e-3, 0.5)
    return (coverage >= threshold).flatten().nonzero()[:, 0]


def _spread(cells: torch.Tensor, count: int) -> torch.Tensor:
    """Keep at most ``count`` of (n,) cells, evenly spread."""
    if len(cells) <= count:
        return cells
    return cells[torch.linspace(0, len(cells) - 1, count).round().long()]


def _cells(features: torch.Tensor, coverage: torch.Tensor, chosen: torch.Tensor) -> Cells:
    of_chosen = coverage.flatten(1)[:, chosen].T  # (n, N)
    return Cells(features[chosen].half().cpu(), of_chosen.half().cpu())


def _thumbnail(image: np.ndarray, interpolation: int) -> np.ndarray:
    height, width = image.shape[:2]
    scale = min(1.0, _THUMBNAIL / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=interpolation))
