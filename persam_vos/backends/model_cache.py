"""A cache of exported and compiled encoders, each in one file that is verified when it is read.

``CACHE/encoders/`` holds ``NAME.model``: a sha256 over fingerprint and content, and the content.
A file with another fingerprint, or a damaged one, is made again in its place. The least recently
used are removed when there are many.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import FetchError
from ..files.cache import cache_dir, cache_path, locked
from ..files.progress import ProgressCallback

_DIGEST_BYTES = 32
_MAX_FILES = 12  # of 12 to 28 MB


def cached_model(
    name: str, fingerprint: str, make: Callable[[], bytes], on_progress: ProgressCallback
) -> bytes:
    """Return the model of that name and fingerprint from the cache; make and store it if none.

    ``fingerprint`` holds all that the result of ``make`` depends on, beside ``name``. One process
    makes the model while others wait; without a writable cache it is made each time.
    What ``make`` raises goes through.
    """
    path = cache_dir() / "encoders" / f"{name}.model"
    content = _read(path, fingerprint)
    if content is not None:
        return content
    try:
        with locked(path.parent, on_progress):
            content = _read(path, fingerprint)  # another process may have made it while we waited
            if content is None:
                content = make()
                _write(path, fingerprint, content)
            return content
    except FetchError:
        return make()


def _read(path: Path, fingerprint: str) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if digest != _digest(fingerprint, content):
        return None
    with suppress(OSError):
        os.utime(path)  # used just now
    return content


def _write(path: Path, fingerprint: str, content: bytes) -> None:
    with suppress(FetchError, OSError):
        with cache_path(path) as temporary:
            temporary.write_bytes(_digest(fingerprint, content) + content)
        by_use = sorted(path.parent.glob("*.model"), key=lambda one: one.stat().st_mtime)
        for old in by_use[:-_MAX_FILES]:
            old.unlink(missing_ok=True)


def _digest(fingerprint: str, content: bytes) -> bytes:
    digest = hashlib.sha256(hashlib.sha256(fingerprint.encode()).digest())
    digest.update(content)
    return digest.digest()
