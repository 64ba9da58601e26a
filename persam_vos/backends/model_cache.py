"""A cache of exported and compiled encoders, each in one file that is verified when it is read.

``CACHE/encoders/`` holds ``NAME.model``: a sha256 over recipe and content, and the content. A file
that was made by another recipe, or is damaged, is made again in its place. The least used go when
there are many.
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
    name: str, recipe: str, make: Callable[[], bytes], on_progress: ProgressCallback
) -> bytes:
    """Return the model that the cache holds by that name and recipe; make and store it if none.

    ``recipe`` stands for all that ``make`` depends on, beside what ``name`` says. One process makes
    the model while others wait. Where the cache cannot be written to, it is made each time. What
    ``make`` raises goes through.
    """
    path = cache_dir() / "encoders" / f"{name}.model"
    content = _read(path, recipe)
    if content is not None:
        return content
    try:
        with locked(path.parent, on_progress):
            content = _read(path, recipe)  # another process may have made it while we waited
            if content is None:
                content = make()
                _write(path, recipe, content)
            return content
    except FetchError:
        return make()


def _read(path: Path, recipe: str) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if digest != _digest(recipe, content):
        return None
    with suppress(OSError):
        os.utime(path)  # used just now
    return content


def _write(path: Path, recipe: str, content: bytes) -> None:
    with suppress(FetchError, OSError):
        with cache_path(path) as temporary:
            temporary.write_bytes(_digest(recipe, content) + content)
        by_use = sorted(path.parent.glob("*.model"), key=lambda one: one.stat().st_mtime)
        for old in by_use[:-_MAX_FILES]:
            old.unlink(missing_ok=True)


def _digest(recipe: str, content: bytes) -> bytes:
    digest = hashlib.sha256(hashlib.sha256(recipe.encode()).digest())
    digest.update(content)
    return digest.digest()
