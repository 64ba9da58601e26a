"""The cache folder: where it is, what may be trusted in it, and how files get into it.

``CACHE/weights/NAME/`` holds the original files of the weights NAME, unfinished downloads
(``*.part``), the converted ``*.safetensors`` and the lock that keeps two processes apart.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import platformdirs
from filelock import FileLock, Timeout

from persam_vos.errors import WeightsError

from .registry import WeightsFile

CACHE_VARIABLE: Final = "PERSAM_VOS_CACHE"
CHUNK_BYTES: Final = 1 << 20

ProgressCallback = Callable[[str, int, int | None], None]
"""Called with what is going on, how much is done and how much there is (None: not known)."""


def silent(what: str, done: int, total: int | None) -> None:
    """Report progress to nobody."""


def cache_dir() -> Path:
    """Return the cache folder, which need not exist: PERSAM_VOS_CACHE, or the platform's own."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("persam-vos", appauthor=False)


def weights_dir(name: str) -> Path:
    """Return the folder of the weights of that name in the cache, which need not exist."""
    return cache_dir() / "weights" / name


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file in hex; raise WeightsError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            str(path), got=error.strerror or repr(error), expected="a readable file"
        ) from None


def check_file(path: Path, expected: WeightsFile, *, what: str = "") -> None:
    """Raise WeightsError, with got and expected sha256, unless the file is the expected one.

    ``what`` names it in the message; its path when empty.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is not there")
    got = sha256_of(path)
    if got != expected.sha256:
        raise WeightsError(
            f"{what or path} is corrupt, truncated or another file",
            got=f"sha256 {got} ({path.stat().st_size} bytes)",
            expected=f"sha256 {expected.sha256} ({expected.size_bytes} bytes)",
        )


def require_space(folder: Path, needed_bytes: int) -> None:
    """Raise WeightsError when the disk of an existing folder has less than that many bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise WeightsError(
            f"not enough space on the disk of {folder}",
            got=f"{free / 1e6:.0f} MB free",
            expected=f"{needed_bytes / 1e6:.0f} MB",
            remedy=f"make room, or set {CACHE_VARIABLE} to a folder on another disk",
        )


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path next to ``target``, moved onto it when all went well, else removed."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, on_progress: ProgressCallback) -> Iterator[None]:
    """Make ``folder`` and hold it against other processes; raise WeightsError when we may not."""
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_progress("waiting for another process that fetches these weights", 0, None)
            lock.acquire()
    except OSError as error:
        raise WeightsError(
            f"cache folder {folder}",
            got=error.strerror or repr(error),
            expected="a folder we may write to",
            remedy=f"set {CACHE_VARIABLE} to one",
        ) from None
    try:
        yield
    finally:
        lock.release()
