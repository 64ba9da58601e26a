"""What ZIP archives that are damaged raise."""

from __future__ import annotations

import lzma
import zipfile
import zlib

ZIP_FAILURES: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error, lzma.LZMAError),
    # Of names that are no text, or empty.
    *(ValueError, IndexError),
)
"""Beside OSError: of the standard library's reader, as `make fuzz` found."""
