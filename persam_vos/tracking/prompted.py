"""Masks of one frame, made from boxes, points and rough masks: PerSAM's table 6."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ..errors import MaskError
from ..geometry import Geometry
from ..media.reference_prompts import FramePrompts, Prompt
from ..stages.decode import Decoder, best_scale, refine
from ..stages.prompts import Token, stack_tokens
from ..structures import Encoded, LabelMap, Prompts
from .engine import Engine

Mask = npt.NDArray[np.bool_]


@torch.inference_mode()
def label_prompts(
    engine: Engine,
    prompts: FramePrompts,
    given: LabelMap | None,
    encoded: Encoded,
    tracked: LabelMap | None = None,
) -> LabelMap:
    """Make labels (H, W) of what is shown on a frame, and put them together with given ones.

    ``given`` are labels of the frame's finished masks, which stay as they are; ``tracked`` those
    that tracking found. Raises MaskError for prompts of which no mask can be made.
    """
    del tracked
    geometry = Geometry(encoded.frame.size_hw, engine.settings.image_size)
    decoder = Decoder(engine.network, engine.compute)
    labels = np.zeros(encoded.frame.size_hw, np.uint8) if given is None else given.copy()
    for object_id, prompt in prompts.by_id.items():
        points, kinds = stack_tokens([_tokens(prompt, geometry)], engine.compute.device)
        sparse = Prompts(points, kinds)
        logits, _ = best_scale(decoder(encoded.features, sparse))
        logits, _ = refine(decoder, encoded.features, sparse, logits)
        mask = (geometry.logits_to_image(logits)[0] > 0).cpu().numpy()
        if not mask.any():
            raise MaskError(f"object {object_id} on frame {encoded.frame.index}", got="no mask")
        labels[mask & (labels == 0)] = object_id
    return labels


def _tokens(prompt: Prompt, geometry: Geometry) -> list[Token]:
    """Return the points and the corners of the box as the decoder wants them."""
    points = torch.tensor([*prompt.points_xy], dtype=torch.float32).reshape(-1, 2)
    labels = list(prompt.labels)
    if prompt.box_xyxy is not None:
        points = torch.cat([points, torch.tensor(prompt.box_xyxy).reshape(2, 2)])
        labels += [2, 3]
    return [
        (float(x), float(y), label)
        for (x, y), label in zip(geometry.points_to_input(points).tolist(), labels, strict=True)
    ]
