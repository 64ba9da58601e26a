"""Where weights are in the cache.

``CACHE/weights/NAME/`` holds the original files of the weights NAME, unfinished downloads
(``*.part``), the converted ``*.safetensors`` and the lock that keeps two processes apart.
"""

from __future__ import annotations

from pathlib import Path

from ..files.cache import cache_dir


def weights_dir(name: str) -> Path:
    """Return the folder of the weights of that name in the cache, which need not exist."""
    return cache_dir() / "weights" / name
