"""Encode frames: pictures in, image embeddings out. Nothing here depends on masks."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..device import Compute
from ..sam.geometry import IMAGE_SIZE, LOGIT_CELL, Geometry, normalise_and_pad
from ..structures import Encoded, Frame


@torch.inference_mode()
def encode_frame(
    frame: Frame,
    encode_layers: Callable[[Tensor], tuple[Tensor, ...]],
    compute: Compute,
    *,
    image_size: int = IMAGE_SIZE,
    square: bool = True,
) -> Encoded:
    """Embed one frame: resize its long side to ``image_size``, normalise, pad, encode.

    Padded to the square, as SAM was trained; or to whole patches only, which takes 0.56 of the
    operations at 16:9. ``encode_layers`` is ``SamNetwork.encode_layers``, or answers as it does.
    """
    geometry = Geometry(frame.size_hw, image_size)
    padded_hw = (image_size, image_size) if square else geometry.patches_hw
    pixels = torch.from_numpy(geometry.resize(frame.image)).to(compute.device)
    images = normalise_and_pad(pixels[None], padded_hw)
    with compute.autocast():
        features, *layers = encode_layers(images)
    return Encoded(
        frame, features.float(), geometry.input_hw, F.avg_pool2d(images, LOGIT_CELL), *layers
    )
