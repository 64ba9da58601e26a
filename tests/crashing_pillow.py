"""A Pillow that crashes on some files: none is known that crashes a decoder everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

_CODE = """
import ctypes, PIL.Image
real = PIL.Image.open

def harmful(file, *arguments, **options):
    if {part!r} in str(file):
        ctypes.string_at(0)
    return real(file, *arguments, **options)

PIL.Image.open = harmful
"""


def crash_on(part: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have processes that are started from now on crash on images with ``part`` in their path."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_CODE.format(part=part))
    monkeypatch.setenv("PYTHONPATH", str(folder))
