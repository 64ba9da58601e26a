"""Encode frames: pictures in, image embeddings out. Nothing here depends on masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry import COLOUR_CELL, IMAGE_SIZE, Geometry, normalise_and_pad
from ..runtime.device import Compute
from ..runtime.oom_batcher import OomBatcher
from ..structures import DeviceEvent, Encoded, Frame


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame as the encoder wants it; produced by `prepare`, consumed by `encode`.

    ``image`` is (1, 3, H, W) float32 on the compute device; ``input_hw`` the size of the picture in
    it, which is at the top left. ``pixels`` is the frame's image, if it was uploaded for this;
    ``ready`` is the event after which all of this is computed.
    """

    frame: Frame
    image: Tensor
    input_hw: tuple[int, int]
    pixels: Tensor | None = None
    ready: DeviceEvent | None = None


@torch.inference_mode()
def prepare(
    frame: Frame, compute: Compute, *, image_size: int = IMAGE_SIZE, square: bool = True
) -> Prepared:
    """Resize the long side of a frame to ``image_size``, normalise and pad.

    Padded to the square, as SAM was trained; or to whole patches only, which takes 0.56 of the
    operations at 16:9. CPUs scale for the square as SAM does, to the last bit; for all else torch
    does, which is as good.
    """
    geometry = Geometry(frame.size_hw, image_size)
    padded_hw = (image_size, image_size) if square else geometry.patches_hw
    if compute.resizes_on_device:
        pixels = compute.upload(frame.image)
        image = normalise_and_pad(geometry.resize_tensor(pixels)[None], padded_hw)
        return Prepared(frame, image, geometry.input_hw, pixels)
    if square or compute.device.type != "cpu":
        scaled = compute.upload(geometry.resize(frame.image))
    else:
        scaled = geometry.resize_tensor(compute.upload(frame.image))
    return Prepared(frame, normalise_and_pad(scaled[None], padded_hw), geometry.input_hw)


def with_mirror_images(
    encode_layers: Callable[[Tensor], tuple[Tensor, ...]],
) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Return what encodes (B, 3, H, W) images and their mirror images, and averages the layers.

    The encoder answers a little differently for a mirrored picture; the mean of both, the second
    mirrored back, has less of what is chance in either.
    """

    def averaged(images: Tensor) -> tuple[Tensor, ...]:
        own, mirrored = encode_layers(images), encode_layers(images.flip(-1))
        pairs = zip(own, mirrored, strict=True)
        return tuple((one + other.flip(-1)) / 2 for one, other in pairs)

    return averaged


@torch.inference_mode()
def encode(
    pictures: Sequence[Prepared],
    encode_layers: Callable[[Tensor], tuple[Tensor, ...]],
    compute: Compute,
    batcher: OomBatcher,
) -> list[Encoded]:
    """Embed pictures that were padded to one size, in batches of as many as ``batcher`` says.

    ``encode_layers`` is ``SamNetwork.encode_layers``, or does the same. Raises PersamVosError
    when there is no memory for one picture alone.
    """
    alone = len(pictures) == 1
    images = pictures[0].image if alone else torch.cat([one.image for one in pictures])
    colours = F.avg_pool2d(images, COLOUR_CELL)
    features, *layers = batcher.run(
        len(images), lambda rows: encode_layers(images[rows]), compute, "picture to encode"
    )
    features = features.float()
    encoded = [
        Encoded(
            one.frame,
            features[row : row + 1],
            one.input_hw,
            colours[row : row + 1],
            pixels=one.pixels,
        )
        for row, one in enumerate(pictures)
    ]
    if not layers:
        return encoded
    layer_s8, layer_s4 = layers
    return [
        replace(one, layer_s8=layer_s8[row : row + 1], layer_s4=layer_s4[row : row + 1])
        for row, one in enumerate(encoded)
    ]
