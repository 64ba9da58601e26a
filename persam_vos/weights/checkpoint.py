"""Find out what a checkpoint is that a user names: a published file, a damaged one or another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import WeightsError, param
from .registry import WEIGHTS, WeightsInfo, WeightsSource


def checkpoint_paths(checkpoint: Path) -> tuple[Path, ...]:
    """Return the file itself, or the files of the set that the folder holds.

    Raises WeightsError when it is not there, one file out of a set, or a folder without a set.
    """
    if checkpoint.is_dir():
        return _set_in_folder(checkpoint)
    if not checkpoint.is_file():
        raise WeightsError(
            f"checkpoint {checkpoint}",
            got="no such file",
            expected=f"a .pt, .pth or .safetensors file, or a folder with {_set_names()}",
            remedy=f"check the path, or leave {param('checkpoint')} out to use published weights",
        )
    if any(checkpoint.name in source.digests for source in _sets()):
        raise WeightsError(
            f"checkpoint {checkpoint}",
            got="one file of a set",
            expected=_set_names(),
            remedy=f"name the folder that holds them: {checkpoint.parent}",
        )
    return (checkpoint,)


def identify(digests: Mapping[str, str]) -> tuple[WeightsInfo, WeightsSource] | None:
    """Return the published weights that consist of files with these sha256, whatever their names.

    ``digests`` maps file names to sha256.
    """
    for info, source in _entries():
        if sorted(source.digests.values()) == sorted(digests.values()):
            return info, source
    return None


def refuse_damaged(checkpoint: Path, digests: Mapping[str, str]) -> None:
    """Raise WeightsError for a file that has the name of a published one, but not its content."""
    for _, source in _entries():
        for name, expected in source.digests.items():
            got = digests.get(name, expected)
            if got != expected:
                raise WeightsError(
                    f"checkpoint {checkpoint}: {name} is corrupt, truncated or another file",
                    got=f"sha256 {got}",
                    expected=f"sha256 {expected}",
                    remedy="fetch it again, or rename it if it is meant to be another",
                )


def _entries() -> list[tuple[WeightsInfo, WeightsSource]]:
    """Return every source of the registry, with the weights it is of."""
    return [(info, source) for info in WEIGHTS.values() for source in info.sources]


def _sets() -> list[WeightsSource]:
    """Return the sources that consist of several files."""
    return [source for _, source in _entries() if len(source.files) > 1]


def _set_names() -> str:
    """Name the files of every set."""
    return " or ".join(" and ".join(source.digests) for source in _sets())


def _set_in_folder(folder: Path) -> tuple[Path, ...]:
    """Return the files of the first set that is complete in a folder."""
    for source in _sets():
        paths = tuple(folder / name for name in source.digests)
        if all(path.is_file() for path in paths):
            return paths
    raise WeightsError(
        f"checkpoint {folder}",
        got="a folder that does not hold them",
        expected=_set_names(),
        remedy="name the checkpoint file itself",
    )
