"""Writing a file so that it is there whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError

_REASONS = {
    errno.ENOSPC: ("a full disk", "room for the output", "free some space or write elsewhere"),
    errno.EDQUOT: ("a full quota", "room for the output", "free some space or write elsewhere"),
    errno.EACCES: ("no permission", "a writable folder", "choose another folder"),
    errno.EPERM: ("no permission", "a writable folder", "choose another folder"),
    errno.EROFS: ("a read-only disk", "a writable folder", "choose another folder"),
    errno.ENOTDIR: ("a file where a folder is needed", "a folder", "choose another folder"),
    errno.EEXIST: ("a file where a folder is needed", "a folder", "choose another folder"),
    errno.EISDIR: ("a folder of that name", "a file name", "remove the folder or choose another"),
    errno.ENOENT: ("no such folder", "an existing folder", "create the folder first"),
    errno.ENAMETOOLONG: ("a name that is too long", "a shorter name", "choose a shorter name"),
}


def output_error(path: Path, error: OSError) -> OutputError:
    """Translate an operating system's refusal to write ``path`` into an OutputError."""
    fallback = (error.strerror or str(error), "a file that can be written", "choose another folder")
    got, expected, remedy = _REASONS.get(error.errno or 0, fallback)
    return OutputError(f"cannot write {path}", got=got, expected=expected, remedy=remedy)


def make_folder(path: Path) -> Path:
    """Create a folder and its parents if they are not there; raise OutputError if refused."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from error
    return path


def temporary_path(path: Path) -> Path:
    """Create an empty, hidden file beside ``path`` with its suffix, and return where it is.

    Raises OutputError where ``path`` could not be written.
    """
    temporary = path.with_name(f".part-{secrets.token_hex(6)}{path.suffix}")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise output_error(path, error) from error
    return temporary


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, moved into place when the block ends well.

    If the block raises, the temporary file is removed and ``path`` stays as it was; an OSError is
    raised as OutputError. The folder must exist (see ``make_folder``).
    """
    temporary = temporary_path(path)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
