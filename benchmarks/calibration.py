"""Calibrate the encoder for int8: measure what each layer reads, and write it into the package.

python -m benchmarks.calibration

On frames of the demo clip: the least and greatest number that comes, and then the share of them
that rounds with the least squared error, since a few outliers would cost all others precision.
Left out are the layers that move stage 1 most when they alone are quantized: by 2 to 4 %, most
others by 1 % or less.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.encoder import prepare
from persam_vos.api import load_engine
from persam_vos.backends.calibration import CALIBRATION, Calibration, calibrated_digest
from persam_vos.backends.export import Exportable
from persam_vos.backends.int8 import fake_quantize
from persam_vos.demo.render import render_demo
from persam_vos.sam.tiny_vit import TinyViT

_PICTURES = 4  # evenly over the clip
_SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
_LEAST_GELU = -0.17  # never narrowed beyond: most that follows a GELU lies near there
_EVERY = 7  # of the numbers are compared
_IN_FULL = ("patch_embed.", "layers.0.blocks.0.conv1", "layers.0.downsample.conv3")


def layers_of(module: nn.Module) -> Iterator[str]:
    """Name the layers to be quantized; convolutions per channel are not."""
    for name, layer in module.named_modules():
        plain = isinstance(layer, nn.Conv2d) and layer.groups == 1
        if (plain or isinstance(layer, nn.Linear)) and not any(part in name for part in _IN_FULL):
            yield name


@torch.inference_mode()
def watch(
    module: nn.Module,
    names: Sequence[str],
    pictures: Sequence[Tensor],
    see: Callable[[str, Tensor], None],
) -> None:
    """Show ``see`` what each layer reads when the module sees the pictures."""
    hooks = [
        module.get_submodule(name).register_forward_pre_hook(
            lambda _, inputs, name=name: see(name, inputs[0])
        )
        for name in names
    ]
    for picture in pictures:
        module(picture)
    for hook in hooks:
        hook.remove()


def calibrate(module: nn.Module, names: Sequence[str], pictures: Sequence[Tensor]) -> Calibration:
    """Find the range of each layer that rounds what comes with the least squared error."""
    whole = dict.fromkeys(names, (0.0, 0.0))

    def widen(name: str, x: Tensor) -> None:
        least, greatest = whole[name]
        whole[name] = (min(least, x.min().item()), max(greatest, x.max().item()))

    watch(module, names, pictures, widen)
    tried = {
        name: [(min(share * a, max(a, _LEAST_GELU)), share * b) for share in _SHARES]
        for name, (a, b) in whole.items()
    }
    errors = {name: np.zeros(len(_SHARES)) for name in names}

    def compare(name: str, x: Tensor) -> None:
        x = x.flatten()[::_EVERY]
        errors[name] += [float((fake_quantize(x, *one) - x).square().sum()) for one in tried[name]]

    watch(module, names, pictures, compare)
    return {name: tried[name][int(errors[name].argmin())] for name in names}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    encoder = load_engine(device="cpu", dtype="float32", backend="torch").network.image_encoder
    assert isinstance(encoder, TinyViT)
    module = Exportable(encoder)
    pictures = [prepare(np.ascontiguousarray(image)) for image, _ in render_demo(_PICTURES)]
    found = calibrate(module, list(layers_of(module)), pictures)
    rows = ",\n".join(f'  "{name}": [{a:.4f}, {b:.4f}]' for name, (a, b) in found.items())
    CALIBRATION.write_text(f'{{\n "{calibrated_digest(encoder)}": {{\n{rows}\n }}\n}}\n')
    print(f"{len(found)} layers written: {CALIBRATION}")


if __name__ == "__main__":
    main()
