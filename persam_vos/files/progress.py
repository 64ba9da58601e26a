"""Telling how far something is that takes long."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int | None], None]
"""Called with what is going on, how much is done and how much there is (None: not known)."""


def silent(what: str, done: int, total: int | None) -> None:
    """Report progress to nobody."""
