"""May an output be written? Checks of a folder before anything is done.

A run replaces nothing but files of an earlier run, and never one that it reads: see `replaceable`.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterable
from pathlib import Path, PurePath

from ..errors import OutputError, param
from .atomic import output_error

_NAMES_TOLD = 3


def refuse_unwritable(folder: Path) -> None:
    """Raise OutputError if ``folder`` could not be made or written, as far as one can tell now."""
    try:
        there = next(one for one in (folder, *folder.parents) if one.exists())
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise output_error(folder, error) from error


def replaceable(
    folder: Path,
    there: Iterable[Path],
    *,
    own: Collection[Path],
    overwrite: bool,
    inputs: Iterable[Path] = (),
    expected: str = "a folder without results",
) -> tuple[Path, ...]:
    """Return the files that a run may replace in ``folder``: those of an earlier run.

    ``there`` are paths below ``folder`` that are in the way of the run; those that do not exist
    count for nothing. ``own`` are those that an earlier run lists as written by it. ``inputs`` are
    files that this run reads, by whatever spelling or link. Raises OutputError for a file in the
    way that no earlier run wrote or that is an input, whatever ``overwrite`` says, and for all
    others unless ``overwrite`` is set.
    """
    try:
        existing = [path for path in there if os.path.lexists(path)]
        foreign = [path for path in existing if path not in own]
        if foreign:
            raise OutputError(
                param("output", folder),
                got=f"a folder with files that no earlier run lists as its own: "
                f"{_some(folder, foreign)}",
                expected=expected,
                remedy="choose another folder: these may be yours, and are never replaced",
            )
        read = _identities(inputs) if existing else frozenset()
        used = [path for path in existing if read & _identities([path])]
        if used:
            raise OutputError(
                param("output", folder),
                got=f"a folder whose {_some(folder, used)} is an input of this run",
                expected="a folder that does not hold the input",
                remedy="choose another folder: what is read is never replaced",
            )
    except OSError as error:
        raise output_error(folder, error) from error
    if existing and not overwrite:
        names = sorted({path.relative_to(folder).parts[0] for path in existing})
        raise OutputError(
            param("output", folder),
            got=f"a folder that already holds {', '.join(names)}",
            expected=expected,
            remedy=f"choose another folder, or add {param('overwrite', True)} to replace them",
        )
    return tuple(existing)


def check_file(
    path: Path, *, overwrite: bool, inputs: Iterable[Path] = (), name: str = "output"
) -> None:
    """Raise OutputError for a file that may not or cannot be written; nothing is touched.

    That is one that exists, unless ``overwrite``, and whatever that says one of the ``inputs``.
    ``name`` is the parameter that asks for the file.
    """
    refuse_unwritable(path.parent)
    if _identities([path]) & _identities(inputs):
        raise OutputError(
            param(name, path),
            got="a file that is an input of this run",
            expected="another name",
            remedy="choose one: what is read is never replaced",
        )
    if os.path.lexists(path) and not overwrite:
        raise OutputError(
            param(name, path),
            got="a file that is there already",
            expected="a new file",
            remedy=f"choose another name, or add {param('overwrite', True)} to replace it",
        )


def inside(folder: Path, names: Iterable[str]) -> frozenset[Path]:
    """Return the paths of ``names`` in ``folder``, without those that lead out of it."""
    paths = [PurePath(name) for name in names]
    return frozenset(folder / one for one in paths if not (one.is_absolute() or ".." in one.parts))


def remove_files(paths: Iterable[Path]) -> None:
    """Remove files of an earlier run, as far as they are there; raises OutputError."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(path, error) from error


def _identities(paths: Iterable[Path]) -> frozenset[tuple[int, int]]:
    """Tell files apart whatever their names: by device and number; links lead to their file."""
    found = set()
    for path in paths:
        with contextlib.suppress(OSError):  # what is not there is no file to lose
            status = path.stat()
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _some(folder: Path, paths: list[Path]) -> str:
    """Name the first few files."""
    names = [path.relative_to(folder).as_posix() for path in paths]
    rest = len(names) - _NAMES_TOLD
    return ", ".join(names[:_NAMES_TOLD]) + (f" and {rest} more" if rest > 0 else "")
