"""The one error tree of persam-vos.

::

    PersamVosError            exit code 1: something we can explain
    ├── UsageError            exit code 2: options that contradict each other
    ├── MediaError            a video, image or folder that cannot be read
    ├── MaskError             a mask that cannot be understood
    ├── FetchError            a published file that cannot be brought here whole
    ├── WeightsError          weights that cannot be found, fetched or trusted
    ├── OutputError           an output that exists, or cannot be written
    ├── DatasetError          a dataset tree that is wrong or incomplete
    └── ScoringError          label maps that cannot be scored

Every message is one line that says what was wrong, what was got, what was expected and what to do.
"""

from __future__ import annotations


class PersamVosError(Exception):
    """A failure we can explain: ``problem: got ..., expected ...; remedy``.

    ``problem`` names the thing (a path, an option); the other parts may be empty and are then left
    out. Line breaks are folded, so that ``str(error)`` is always one line.
    """

    exit_code = 1

    def __init__(
        self, problem: str, *, got: str = "", expected: str = "", remedy: str = ""
    ) -> None:
        facts = ", ".join(
            f"{word} {text}" for word, text in (("got", got), ("expected", expected)) if text
        )
        message = f"{problem}: {facts}" if facts else problem
        if remedy:
            message = f"{message}; {remedy}"
        super().__init__(" ".join(message.split()))


def explain(error: Exception) -> str:
    """Return what went wrong in one line, also for errors that are not of this tree."""
    if isinstance(error, PersamVosError):
        return str(error)
    return " ".join(f"unexpected {type(error).__name__}: {error}".split())


class UsageError(PersamVosError):
    """Options that are wrong or contradict each other."""

    exit_code = 2


class MediaError(PersamVosError):
    """A video, image or folder of images that cannot be read."""


class MaskError(PersamVosError):
    """A mask file or array that cannot be understood as object labels."""


class FetchError(PersamVosError):
    """A published file that cannot be fetched, stored or trusted."""


class WeightsError(PersamVosError):
    """Weights that cannot be found, fetched or trusted."""


class OutputError(PersamVosError):
    """An output that already exists, or that cannot be written."""


class DatasetError(PersamVosError):
    """A dataset tree that is not there, not what it should be, or incomplete."""


class ScoringError(PersamVosError):
    """Label maps that cannot be scored against each other."""
