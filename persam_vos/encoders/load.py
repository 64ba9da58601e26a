"""Load a DINO encoder: by name, fetched where needed, or from a file that a user has."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..config import EncoderName
from ..errors import WeightsError
from ..files.download import reported_as, sha256_of
from ..files.progress import ProgressCallback
from ..weights.fetch import original_files
from .dino_vit import DinoShape, DinoViT
from .formats import read_dino
from .grid_encoder import GridEncoder


def load_encoder(
    name: EncoderName,
    checkpoint: Path | None,
    *,
    device: torch.device,
    dtype: torch.dtype,
    on_progress: ProgressCallback | None = None,
) -> GridEncoder | None:
    """Load the encoder of that name, or the one in ``checkpoint``; None for SAM's own.

    Raises WeightsError for weights that cannot be found, fetched or trusted.
    """
    if checkpoint is None and name == "sam":
        return None
    path = original_files(name, on_progress=on_progress)[0] if checkpoint is None else checkpoint
    shape, state = read_dino(path)
    network = build_dino(shape, state, source=str(path)).to(device, dtype)
    with reported_as(WeightsError):
        digest = sha256_of(path)
    known_as = name if checkpoint is None else path.name
    return GridEncoder(network, {"encoder": known_as, "encoder sha256": digest})


def build_dino(shape: DinoShape, state: dict[str, Tensor], *, source: str = "encoder") -> DinoViT:
    """Build a network around a canonical state dict, for inference.

    Raises WeightsError for missing, unexpected and misshapen weights, by name.
    """
    with torch.device("meta"):
        network = DinoViT(shape)
    wanted = network.state_dict()
    odd = [
        *(f"no {name}" for name in wanted if name not in state),
        *(f"an unknown {name}" for name in state if name not in wanted),
        *(
            f"{name} {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
            for name, tensor in wanted.items()
            if name in state and state[name].shape != tensor.shape
        ),
    ]
    if odd:
        raise WeightsError(
            source,
            got="; ".join(odd[:3]) + (f" and {len(odd) - 3} more" if len(odd) > 3 else ""),
            expected=f"the {len(wanted)} weights of DINO{shape.generation}, {shape.depth} blocks",
            remedy="give the published file",
        )
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)
