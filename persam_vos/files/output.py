"""May an output be written? Checks of a folder before anything is done."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import OutputError, param
from .atomic import output_error


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


def refuse_existing(
    folder: Path, names: Iterable[str], *, expected: str = "a folder without results"
) -> None:
    """Raise OutputError if ``folder`` holds one of ``names``; an empty folder counts for nothing.

    The message lists those that are there.
    """
    try:
        existing = [name for name in names if _holds_something(folder / name)]
    except OSError as error:
        raise output_error(folder, error) from error
    if existing:
        raise OutputError(
            param("output", folder),
            got=f"a folder that already holds {', '.join(existing)}",
            expected=expected,
            remedy=f"choose another folder, or add {param('overwrite', True)} to replace them",
        )


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()
