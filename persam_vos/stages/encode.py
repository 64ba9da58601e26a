"""Encode frames: pictures in, image embeddings out. Nothing here depends on masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from ..device import Compute
from ..sam.build import SamNetwork
from ..sam.geometry import Geometry, normalise_and_pad
from ..structures import Encoded, Frame


@torch.inference_mode()
def encode_frame(frame: Frame, network: SamNetwork, compute: Compute) -> Encoded:
    """Embed one frame: resize to the encoder's long side, normalise, pad to a square, encode."""
    geometry = Geometry(frame.size_hw, network.image_size)
    pixels = torch.from_numpy(geometry.resize(frame.image)).to(compute.device)
    with compute.autocast():
        features, fine = network.encode_layers(normalise_and_pad(pixels[None], network.image_size))
    return Encoded(frame, features.float(), geometry.input_hw, fine)


def encode_frames(
    frames: Iterable[Frame], network: SamNetwork, compute: Compute
) -> Iterator[Encoded]:
    """Embed frames one after the other, lazily."""
    for frame in frames:
        yield encode_frame(frame, network, compute)
