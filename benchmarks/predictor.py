"""SAM's own predictor, `segment_anything.SamPredictor`, round our weights.

The package imports torchvision for two functions that scale a picture. Where torchvision is not
installed, Pillow's scaling, which is what they call, stands in for them while it is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from PIL import Image

from benchmarks.upstream_encoder import upstream_encoder
from persam_vos.geometry import PIXEL_MEAN, PIXEL_STD
from persam_vos.sam.build import SamNetwork
from persam_vos.sam.tiny_vit import TinyViT
from persam_vos.sam.vendor import load_modeling

_TORCHVISION = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
_PACKAGE = "segment_anything"


def load_predictor(network: SamNetwork) -> Any:
    """Make a predictor that shares the weights of a network, on its device.

    The encoder computes as its published code does, which for the ViTs is the network's own.
    """
    encoder = network.image_encoder
    if isinstance(encoder, TinyViT):
        encoder = upstream_encoder(encoder)
    sam = load_modeling().Sam(
        encoder,
        network.prompt_encoder,
        network.mask_decoder,
        pixel_mean=list(PIXEL_MEAN),
        pixel_std=list(PIXEL_STD),
    )
    sam.to(network.positions.device)
    with _importable():
        predictor = importlib.import_module(f"{_PACKAGE}.predictor")
    return predictor.SamPredictor(sam)


@contextmanager
def _importable() -> Iterator[None]:
    if importlib.util.find_spec("torchvision") is not None:
        yield
        return
    spec = importlib.util.find_spec(_PACKAGE)
    assert spec is not None, "segment_anything is a dependency"
    stand_ins = {name: ModuleType(name) for name in _TORCHVISION}
    functional = stand_ins[_TORCHVISION[-1]]
    functional.__dict__.update(
        to_pil_image=Image.fromarray,
        resize=lambda picture, size_hw: picture.resize(size_hw[::-1], Image.Resampling.BILINEAR),
    )
    # The package without its __init__, which imports torchvision for more than the predictor.
    stand_ins[_PACKAGE] = importlib.util.module_from_spec(spec)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
