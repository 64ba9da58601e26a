"""Write one export of a finished run: checked first, whole or not at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import OutputError, param
from ..files.atomic import atomic_folder, atomic_path, make_folder, remove_unfinished
from ..files.output import refuse_unwritable
from ..media.output_paths import EXPORTS
from .clip import Clip, open_clip
from .registry import ChosenExport

OnStart = Callable[[str, int], None]
"""Is called with the name of an export and the number of its frames."""
MARKER = ".persam-vos-export"
"""A file in every folder that an export wrote: only such folders are replaced."""


@dataclass(frozen=True, slots=True)
class Exported:
    """An export that is there; ``warnings`` are sentences for the user."""

    name: str
    path: Path
    frame_count: int
    warnings: tuple[str, ...] = ()


def export_run(
    folder: Path,
    export: ChosenExport,
    *,
    output: Path | None = None,
    source: str | None = None,
    overwrite: bool = False,
    on_start: OnStart = lambda _name, _count: None,
    on_frame: Callable[[], None] = lambda: None,
) -> Exported:
    """Write the run in ``folder`` in one format, by default to ``folder/exports``.

    ``source`` says where the video is, if it was moved. ``on_start`` gets the name of the export
    and the number of frames, ``on_frame`` is called for each. Raises MediaError for a folder that
    holds no run, OutputError for an output that exists or cannot be written, and what reading and
    writing raise; then nothing is left of it.
    """
    path = output or default_path(folder, export)
    clip = replace(open_clip(folder, source=source), on_frame=on_frame)
    _check(path, clip, export, overwrite=overwrite)
    on_start(export.entry.name, len(clip))
    make_folder(path.parent)
    with ExitStack() as stack:
        if export.exporter.suffix:
            export.exporter.write(clip, stack.enter_context(atomic_path(path)))
        else:
            temporary = stack.enter_context(atomic_folder(path))
            export.exporter.write(clip, temporary)
            (temporary / MARKER).write_text(f"{export.exporter}\n", encoding="utf-8")
    return Exported(export.entry.name, path, len(clip), _warnings(clip, export))


def refuse_existing_exports(
    folder: Path, exports: Sequence[ChosenExport], *, overwrite: bool
) -> None:
    """Raise OutputError if what `export_all` will write is there and may not be replaced."""
    for _, path in _places(folder, exports):
        if os.path.lexists(path):
            _check_replaceable(path, path.suffix, overwrite=overwrite)


def export_all(
    folder: Path,
    exports: Sequence[ChosenExport],
    *,
    overwrite: bool,
    source: str | None = None,
    on_start: OnStart = lambda _name, _count: None,
    on_frame: Callable[[], None] = lambda: None,
) -> tuple[Exported, ...]:
    """Write several exports of a run to ``folder/exports``, as `export_run` writes one.

    With ``overwrite`` what a killed run left there unfinished goes.
    """
    if overwrite:
        remove_unfinished(folder / EXPORTS)
    return tuple(
        export_run(
            folder,
            export,
            output=path,
            overwrite=overwrite,
            source=source,
            on_start=on_start,
            on_frame=on_frame,
        )
        for export, path in _places(folder, exports)
    )


def export_places(folder: Path, exports: Sequence[ChosenExport]) -> tuple[Path, ...]:
    """Return where `export_all` writes."""
    return tuple(path for _, path in _places(folder, exports))


def _places(folder: Path, exports: Sequence[ChosenExport]) -> Iterator[tuple[ChosenExport, Path]]:
    """Yield where each of several exports goes."""
    names = Counter[str]()
    for export in exports:
        names[export.entry.name] += 1
        yield export, default_path(folder, export, names[export.entry.name])


def default_path(folder: Path, export: ChosenExport, number: int = 1) -> Path:
    """Return where an export of a run goes; ``number`` tells several of one name apart."""
    stem = export.entry.name if number == 1 else f"{export.entry.name}-{number}"
    return folder / EXPORTS / f"{stem}{export.exporter.suffix}"


def _check(path: Path, clip: Clip, export: ChosenExport, *, overwrite: bool) -> None:
    """Raise OutputError for an output that may not be written."""
    suffix = export.exporter.suffix
    if suffix and path.suffix.lower() != suffix:
        raise OutputError(
            param("output", path),
            got=f"the suffix {path.suffix or 'none'}" if path.suffix else "no suffix",
            expected=f"{suffix}, as {export.entry.name} writes",
            remedy=f"choose {path.with_suffix(suffix).name}",
        )
    resolved, source = path.resolve(), Path(clip.info.path).resolve()
    if resolved in (source, *source.parents) or resolved in (
        (run := clip.folder.resolve()),
        *run.parents,
    ):
        raise OutputError(
            param("output", path),
            got="what holds the video or the run",
            expected="a place of its own",
            remedy="choose another name",
        )
    refuse_unwritable(path.parent)
    if path.is_dir() and not suffix and not any(path.iterdir()):
        return
    if path.exists() or path.is_symlink():
        _check_replaceable(path, suffix, overwrite=overwrite)


def _check_replaceable(path: Path, suffix: str, *, overwrite: bool) -> None:
    if not overwrite:
        raise OutputError(
            param("output", path),
            got="what exists already",
            expected="a new name",
            remedy=f"choose another, or add {param('overwrite', True)} to replace it",
        )
    if path.is_dir() and (suffix or not (path / MARKER).is_file()):
        raise OutputError(
            param("output", path),
            got="a folder that no export wrote",
            expected="a new folder, or one of an earlier export",
            remedy="choose another name, or remove it yourself",
        )


def _warnings(clip: Clip, export: ChosenExport) -> tuple[str, ...]:
    warnings = []
    if not clip.complete:
        warnings.append(
            f"{clip.folder}: the run broke off, so the export has its {len(clip)} finished frames"
        )
    if export.exporter.soft and clip.alpha_folder is None:
        warnings.append(
            f"{clip.folder}: the run kept no soft masks (alpha/), so edges follow the outlines "
            "of its labels"
        )
    return tuple(warnings)
