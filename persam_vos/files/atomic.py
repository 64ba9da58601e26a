"""Writing a file so that it is there whole, or not at all: the one place where that is done."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import OutputError, PersamVosError

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
TEMPORARY = ".part-"
"""How the names of unfinished files begin; a killed run leaves them."""

Refused = Callable[[Path, OSError], PersamVosError]
"""Translates an operating system's refusal to write a file into an error of this package."""


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


class AtomicFile:
    """A hidden, empty file beside ``path``, which `commit` moves into place and `discard` removes.

    ``temporary`` is where it is; it has the suffix of ``path``. The folder must exist (see
    `make_folder`). An OSError is raised as what ``refused`` makes of it: OutputError by default.
    """

    def __init__(self, path: Path, *, refused: Refused = output_error) -> None:
        self.path = path
        self.temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}{path.suffix}")
        self._refused = refused
        try:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self.temporary.touch(exist_ok=False)
        except OSError as error:
            raise refused(path, error) from error

    def commit(self) -> None:
        """Move the file into place, over one that is there."""
        try:
            self.temporary.replace(self.path)
        except OSError as error:
            raise self._refused(self.path, error) from error

    def discard(self) -> None:
        """Remove the file, unless it was moved or is gone; raises nothing."""
        with contextlib.suppress(OSError):
            self.temporary.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: Path, *, refused: Refused = output_error) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, moved into place when the block ends well.

    If the block raises, the temporary file is removed and ``path`` stays as it was; its OSError is
    raised as by `AtomicFile`.
    """
    file = AtomicFile(path, refused=refused)
    try:
        yield file.temporary
        file.commit()
    except OSError as error:
        raise refused(path, error) from error
    finally:
        file.discard()


@contextmanager
def hidden_folder(parent: Path) -> Iterator[Path]:
    """Yield a new hidden folder in ``parent``, which is gone when the block ends; raises OSError.

    What is to stay is moved out of it, or all of it elsewhere.
    """
    hidden = parent / f"{TEMPORARY}{secrets.token_hex(6)}"
    hidden.mkdir()
    try:
        yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty hidden folder beside ``path``, moved into place when the block ends well.

    What is at ``path`` by then is replaced: the caller has made sure that it may be. If the block
    raises, the hidden folder is removed and ``path`` stays as it was. Raises OutputError.
    """
    make_folder(path.parent)
    try:
        with hidden_folder(path.parent) as hidden:
            yield hidden
            _replace_folder(path, hidden)
    except OSError as error:
        raise output_error(path, error) from error


def _replace_folder(path: Path, new: Path) -> None:
    """Move a folder to ``path``; what is there goes, or comes back if that fails."""
    old = new.with_name(f"{new.name}-old")
    try:
        if path.exists():
            path.replace(old)
        new.replace(path)
    finally:
        if old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(old, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Remove the unfinished files and folders that killed runs left in a folder; raises nothing.

    Nobody may be writing there.
    """
    for path in folder.glob(f"{TEMPORARY}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def write_texts(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts by file name into a folder that is made if need be, in UTF-8.

    Bytes of file names that are no text become escapes. Each appears whole, and none of them if one
    cannot be written. Raises OutputError.
    """
    make_folder(folder)
    with ExitStack() as stack:
        for name, text in files.items():
            content = text.encode(errors="backslashreplace")
            stack.enter_context(atomic_path(folder / name)).write_bytes(content)
