"""Target files: safetensors with a description in JSON; nothing in them is run or trusted.

Tensors, for the reference pictures R = 0, 1, ...: ``R.objects.features``, ``R.objects.coverage``,
``R.background.features``, ``R.background.coverage`` (float16), ``R.thumbnail``,
``R.thumbnail_labels`` (uint8); and ``scale_weights`` (float32). What they are: see ``target``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..errors import TargetError
from ..files.atomic import atomic_path, make_folder
from ..files.output import check_file
from .description import Description
from .target import Cells, NetworkIdentity, SourceFile, Target, TargetReference

FORMAT: Final = "persam-vos target"
FORMAT_VERSION: Final = 1
"""Raise it whenever older programs would misunderstand the file."""
MAX_BYTES: Final = 16 << 20
"""Of a file; those that `fit_target` writes have 4 MB at most."""
MAX_HEADER_BYTES: Final = 1 << 18
MAX_REFERENCES: Final = 32
MAX_THUMBNAIL: Final = 512
"""Pixels on the long side of a thumbnail that is read."""

_LARGEST = 1e3  # of a feature or a weight: features are at most 1
_DTYPES = {torch.float16: "F16", torch.float32: "F32", torch.uint8: "U8"}


def write_target(path: Path, target: Target, *, overwrite: bool = False) -> int:
    """Write a target file, whole or not at all; returns its size in bytes.

    Raises what `check_file` raises.
    """
    check_file(path, overwrite=overwrite)
    content = save(
        {name: tensor.contiguous() for name, tensor in _tensors(target).items()},
        metadata={
            "format": FORMAT,
            "format_version": str(FORMAT_VERSION),
            "target": json.dumps(_description(target)),
        },
    )
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return len(content)


def read_target(path: str | Path) -> Target:
    """Read a target file, and check all that it says before it is used.

    Raises TargetError for a file that is not there, is no target, is damaged or of a later version.
    """
    path = Path(path)
    _check_size(path)
    try:
        with safe_open(path, framework="pt") as file:
            target = _read(file, path)
    except (SafetensorError, OSError) as error:
        raise unusable(path, f"a damaged file ({error})") from error
    _check_values(target, path)
    return target


def unusable(path: Path, got: str) -> TargetError:
    """Say that a file is not a target that can be used."""
    return TargetError(
        str(path),
        got=got,
        expected="a target file, as 'persam-vos fit' writes it",
        remedy="make it again with 'persam-vos fit'",
    )


def _tensors(target: Target) -> dict[str, torch.Tensor]:
    tensors = {"scale_weights": torch.from_numpy(target.scale_weights)}
    for number, reference in enumerate(target.references):
        for part in ("objects", "background"):
            cells: Cells = getattr(reference, part)
            tensors[f"{number}.{part}.features"] = cells.features
            tensors[f"{number}.{part}.coverage"] = cells.coverage
        tensors[f"{number}.thumbnail"] = torch.from_numpy(reference.thumbnail)
        tensors[f"{number}.thumbnail_labels"] = torch.from_numpy(reference.thumbnail_labels)
    return tensors


def _description(target: Target) -> dict[str, Any]:
    return {
        "persam_vos": target.version,
        "network": asdict(target.network),
        "image_size": target.image_size,
        "feature_widths": target.feature_widths,
        "object_ids": target.object_ids,
        "references": [
            {
                "image": asdict(one.image),
                "mask": asdict(one.mask),
                "size_hw": one.size_hw,
                "object_ids": one.object_ids,
            }
            for one in target.references
        ],
    }


def _check_size(path: Path) -> None:
    """Refuse what is too large, or whose header is, before a library reads it."""
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
        size = path.stat().st_size
    except OSError as error:
        raise unusable(path, error.strerror or "a file that cannot be read") from error
    if size > MAX_BYTES:
        raise unusable(path, f"{size} bytes, more than any target has ({MAX_BYTES})")
    header = int.from_bytes(head, "little")
    if len(head) < 8 or header > min(MAX_HEADER_BYTES, size - 8):
        raise unusable(path, "no safetensors file, or a damaged one")


def _read(file: Any, path: Path) -> Target:
    metadata = file.metadata() or {}
    if metadata.get("format") != FORMAT:
        raise unusable(path, "a safetensors file that is no target")
    version = metadata.get("format_version", "")
    if version != str(FORMAT_VERSION):
        raise TargetError(
            str(path),
            got=f"format version {version[:20]!r}",
            expected=str(FORMAT_VERSION),
            remedy="make it again with this version of persam-vos, or install the one it is from",
        )
    facts = Description.parse(metadata.get("target", ""), lambda got: unusable(path, got))
    object_ids = facts.ids("object_ids")
    neck, layer, colours = facts.numbers("feature_widths", 3, range(1 << 11))
    names = set(file.keys())
    load = _Loader(file, path, names)
    references = tuple(
        _reference(load, number, one, len(object_ids), neck + layer + colours)
        for number, one in enumerate(facts.parts("references", range(1, MAX_REFERENCES + 1)))
    )
    scale_weights = load("scale_weights", torch.float32, (len(object_ids), 3)).numpy()
    if names:
        raise unusable(path, f"tensors that a target does not have, such as {min(names)[:40]!r}")
    network = facts.part("network")
    return Target(
        object_ids=object_ids,
        references=references,
        scale_weights=scale_weights,
        network=NetworkIdentity(
            network.text("weights"), network.text("encoder"), network.texts("sha256")
        ),
        image_size=facts.number("image_size", range(1, 1 << 14)),
        feature_widths=(neck, layer, colours),
        version=facts.text("persam_vos"),
    )


class _Loader:
    """Loads tensors whose dtype and shape are as expected; crosses their ``names`` out."""

    def __init__(self, file: Any, path: Path, names: set[str]) -> None:
        self._file, self._path, self._names = file, path, names

    def __call__(
        self, name: str, dtype: torch.dtype, shape: tuple[int | range, ...]
    ) -> torch.Tensor:
        """Load a tensor; a side of ``shape`` is a number or a range of them."""
        if name not in self._names:
            raise unusable(self._path, f"no tensor {name!r}")
        view = self._file.get_slice(name)
        got = view.get_shape()
        fits = len(got) == len(shape) and all(
            side in wanted if isinstance(wanted, range) else side == wanted
            for side, wanted in zip(got, shape, strict=True)
        )
        if not fits or view.get_dtype() != _DTYPES[dtype]:
            raise unusable(
                self._path,
                f"tensor {name!r} of {view.get_dtype()} {tuple(got)}, which does not fit",
            )
        self._names.remove(name)
        tensor: torch.Tensor = self._file.get_tensor(name)
        return tensor


def _reference(
    load: _Loader, number: int, facts: Description, objects: int, width: int
) -> TargetReference:
    height, columns = facts.numbers("size_hw", 2, range(1, 1 << 16))
    parts = {}
    for part in ("objects", "background"):
        features = load(f"{number}.{part}.features", torch.float16, (range(1 << 13), width))
        coverage = load(f"{number}.{part}.coverage", torch.float16, (len(features), objects))
        parts[part] = Cells(features, coverage)
    side = range(1, MAX_THUMBNAIL + 1)
    thumbnail = load(f"{number}.thumbnail", torch.uint8, (side, side, 3)).numpy()
    labels = load(f"{number}.thumbnail_labels", torch.uint8, thumbnail.shape[:2]).numpy()
    return TargetReference(
        image=_source(facts.part("image")),
        mask=_source(facts.part("mask")),
        size_hw=(height, columns),
        object_ids=facts.ids("object_ids"),
        thumbnail=thumbnail,
        thumbnail_labels=labels,
        **parts,
    )


def _source(facts: Description) -> SourceFile:
    sizes = range(1 << 50)
    return SourceFile(facts.text("name"), facts.number("size_bytes", sizes), facts.text("sha256"))


def _check_values(target: Target, path: Path) -> None:
    """Refuse numbers that no picture makes, and objects that no reference shows."""
    tensors = _tensors(target)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise unusable(path, f"numbers that are not finite in {name!r}")
        bound = (0.0, 1.0) if name.endswith("coverage") else (-_LARGEST, _LARGEST)
        if (
            tensor.numel()
            and not bound[0] <= float(tensor.min()) <= float(tensor.max()) <= bound[1]
        ):
            raise unusable(path, f"numbers out of bounds in {name!r}")
    shown = {i for one in target.references for i in one.object_ids}
    cells = torch.cat([one.objects.coverage for one in target.references])
    if shown != set(target.object_ids) or not bool((cells > 0).any(0).all()):
        raise unusable(path, "objects that no reference shows, or references of unknown objects")
