"""Look at small objects closer: their outline is drawn in a window round them."""

from __future__ import annotations

import torch

from ..stages.candidate_scores import drawn_fit, stability
from ..stages.drawn_masks import spread_points
from ..stages.prompts import box_of
from ..structures import Frame
from ..tracking.engine import Engine
from ..tracking.picture_view import PictureView
from .method import BoxXyxy, Mask

_SMALL = 0.35  # of the picture's long side, that of an object's box
_MARGIN = 0.5  # of the window on each side, a share of the box's long side
_GAIN = 1.0  # of the known mask as a mask prompt: see tracking.prompted
_AGREED_WEIGHT = 2.0  # of the IoU with the known mask, against predicted IoU and stability
_AGREED = 0.6  # IoU with the known mask from which the closer outline is believed


def is_small(box: BoxXyxy, size_hw: tuple[int, int]) -> bool:
    """Tell whether an object with that box is small in a picture of (height, width)."""
    x0, y0, x1, y1 = box
    return max(x1 - x0, y1 - y0) + 1 < _SMALL * max(size_hw)


@torch.inference_mode()
def outlined_closer(engine: Engine, frame: Frame, mask: Mask) -> Mask:
    """Outline a small object anew in a window round its (H, W) mask; larger ones stay as they are.

    The mask is kept if the closer outline is of something else.
    """
    box = box_of(mask)
    if box is None or not is_small(box, frame.size_hw):
        return mask
    window = PictureView.round_box(engine, frame, box, _MARGIN)
    shape = torch.from_numpy(mask).to(window.encoded.features.device)
    points = [(*xy, 1) for xy in spread_points(mask)]
    decoded = window.decode(points, box, window.logits_of(shape, _GAIN))
    logits, iou = decoded.low_res_logits[0, 1:], decoded.predicted_iou[0, 1:]
    fit = drawn_fit(window.masks(logits), shape)
    best = int((iou + stability(logits) + _AGREED_WEIGHT * fit).argmax())
    if float(fit[best]) < _AGREED:
        return mask
    return window.mask(logits[best]).cpu().numpy()
