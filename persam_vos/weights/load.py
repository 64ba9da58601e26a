"""Load weights by name, or from a file that a user names, as one canonical state dict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import WeightsError
from ..files.download import reported_as, sha256_of
from ..files.progress import ProgressCallback, silent
from .cache import weights_dir
from .checkpoint import checkpoint_paths, identify, refuse_damaged
from .fetch import Originals, find_originals
from .registry import (
    DEFAULT_WEIGHTS,
    WEIGHTS,
    Architecture,
    WeightsInfo,
    WeightsSource,
    weights_info,
)

if TYPE_CHECKING:
    import torch

CUSTOM: Final = "custom"


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """Weights ready for a network; produced by ``weights.load``, consumed by ``sam`` and reports.

    ``name`` is that of the registry, or ``custom``. ``sha256`` has an entry for each original
    file: its name to its sha256. ``source`` says in words where they are from. ``state`` is the
    canonical state dict: float32, on the CPU.
    """

    name: str
    architecture: Architecture
    sha256: dict[str, str]
    source: str
    state: dict[str, torch.Tensor]


def load_weights(
    name: str = DEFAULT_WEIGHTS,
    *,
    checkpoint: Path | None = None,
    on_progress: ProgressCallback | None = None,
) -> LoadedWeights:
    """Load the weights called ``name``, fetched where needed, or those in ``checkpoint``.

    ``checkpoint`` is a file of any supported format, or the folder of the ONNX pair. A published
    file is recognised by its sha256 and then goes by its own name, whatever ``name`` says; any
    other must hold a network of the architecture of ``name``. Raises UsageError for an unknown
    name, WeightsError for weights that cannot be found, fetched or trusted.
    """
    info = weights_info(name)
    on_progress = on_progress or silent
    if checkpoint is not None:
        return _load_checkpoint(info, checkpoint, on_progress)
    from .convert import read_converted

    for source in info.sources:
        state = read_converted(_converted_path(info, source), source.digests)
        if state is not None:
            return _loaded(info, source, str(source), state)
    originals = find_originals(info, info.sources, on_progress)
    state = _convert(info, originals, on_progress)
    return _loaded(info, originals.source, str(originals.source), state)


def _loaded(
    info: WeightsInfo, source: WeightsSource, words: str, state: dict[str, torch.Tensor]
) -> LoadedWeights:
    """Describe weights of the registry."""
    return LoadedWeights(info.name, info.architecture, source.digests, words, state)


def _converted_path(info: WeightsInfo, source: WeightsSource) -> Path:
    """Return where the converted state dict of a source lies."""
    return weights_dir(info.name) / f"{source.kind}.safetensors"


def _convert(
    info: WeightsInfo, originals: Originals, on_progress: ProgressCallback
) -> dict[str, torch.Tensor]:
    """Return the converted state dict of verified originals, and keep it in the cache."""
    from .convert import read_converted, write_converted
    from .formats import read_checkpoint

    path = _converted_path(info, originals.source)
    state = read_converted(path, originals.source.digests)
    if state is None:
        on_progress(f"converting {info.name}", 0, None)
        state = read_checkpoint(originals.paths)
        write_converted(path, state, originals.source.digests)
    return state


def _load_checkpoint(
    info: WeightsInfo, checkpoint: Path, on_progress: ProgressCallback
) -> LoadedWeights:
    """Load what a user names, after finding out whether it is a published file."""
    from .formats import detect_architecture, read_checkpoint

    paths = checkpoint_paths(checkpoint)
    on_progress(f"checking {checkpoint.name}", 0, None)
    with reported_as(WeightsError):
        digests = {path.name: sha256_of(path) for path in paths}
    words = f"file {checkpoint}"
    known = identify(digests)
    if known is not None:
        info, source = known
        state = _convert(info, Originals(source, paths), on_progress)
        return LoadedWeights(info.name, info.architecture, digests, words, state)
    refuse_damaged(checkpoint, digests)
    state = read_checkpoint(paths)
    architecture = detect_architecture(state)
    if architecture != info.architecture:
        raise WeightsError(
            str(checkpoint),
            got=f"a network of architecture {architecture}",
            expected=f"{info.architecture}, that of the weights {info.name}",
            remedy="name the weights that it was trained from: "
            + ", ".join(f"{one.name} for {one.architecture}" for one in WEIGHTS.values()),
        )
    return LoadedWeights(CUSTOM, architecture, digests, words, state)
