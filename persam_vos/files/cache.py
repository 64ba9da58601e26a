"""The cache: where it is, one process at a time, files that are whole, room on its disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import platformdirs
from filelock import FileLock, Timeout

from ..errors import FetchError
from .atomic import atomic_path
from .progress import ProgressCallback

CACHE_VARIABLE: Final = "PERSAM_VOS_CACHE"


def cache_dir() -> Path:
    """Return the cache folder, which need not exist: PERSAM_VOS_CACHE, or the platform's own."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("persam-vos", appauthor=False)


@contextmanager
def locked(folder: Path, on_progress: ProgressCallback) -> Iterator[None]:
    """Make ``folder`` and hold it against other processes; raise FetchError when we may not."""
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_progress("waiting for another process that fetches the same", 0, None)
            lock.acquire()
    except OSError as error:
        raise FetchError(
            f"folder {folder}",
            got=error.strerror or repr(error),
            expected="a folder we may write to",
            remedy=f"set {CACHE_VARIABLE} to one",
        ) from None
    try:
        yield
    finally:
        lock.release()


def require_space(folder: Path, needed_bytes: int) -> None:
    """Raise FetchError when the disk of an existing folder has less than that many bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise FetchError(
            f"not enough space on the disk of {folder}",
            got=f"{free / 1e6:.0f} MB free",
            expected=f"{needed_bytes / 1e6:.0f} MB",
            remedy=f"make room, or choose another disk (the cache is where {CACHE_VARIABLE} says)",
        )


def cache_path(path: Path) -> AbstractContextManager[Path]:
    """Yield a temporary path for a file of the cache, as `atomic_path`; raises FetchError."""
    return atomic_path(path, refused=cannot_write)


def cannot_write(path: Path, error: OSError) -> FetchError:
    """Translate an operating system's refusal to write a file that is fetched."""
    return FetchError(f"cannot write {path}", got=error.strerror or repr(error))
