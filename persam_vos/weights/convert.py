"""Keep a converted state dict in the cache, in one file that proves itself when it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..errors import FetchError
from ..files.cache import cache_path

# Raise it whenever the result of ``formats.read_checkpoint`` changes, to rebuild old files.
CONVERSION: Final = 1


def write_converted(
    path: Path, state: Mapping[str, torch.Tensor], originals: Mapping[str, str]
) -> None:
    """Save ``state`` atomically, with the sha256 of its originals and a digest of its own content.

    A cache that cannot be written to is left alone: it only saves the time of converting.
    """
    metadata = {
        "conversion": str(CONVERSION),
        "originals": json.dumps(dict(originals), sort_keys=True),
        "digest": state_digest(state),
    }
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    with suppress(FetchError, OSError, SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with cache_path(path) as temporary:
            save_file(tensors, temporary, metadata=metadata)


def read_converted(path: Path, originals: Mapping[str, str]) -> dict[str, torch.Tensor] | None:
    """Read what ``write_converted`` saved from these originals; None unless it is all as it was."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("conversion") != str(CONVERSION):
                return None
            if metadata.get("originals") != json.dumps(dict(originals), sort_keys=True):
                return None
            state: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError):
        return None
    return state if metadata.get("digest") == state_digest(state) else None


def state_digest(state: Mapping[str, torch.Tensor]) -> str:
    """Return a sha256 over the names, dtypes, shapes and values of a state dict."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()
