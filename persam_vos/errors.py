"""The one error tree of persam-vos.

::

    PersamVosError            exit code 1: something we can explain
    ├── UsageError            exit code 2: parameters that contradict each other
    │   └── TargetError       a target file that cannot be used
    ├── MediaError            a video, image or folder that cannot be read
    │   └── FrameError        exit code 2: a frame that was asked for and is not there
    ├── MaskError             a mask that cannot be understood
    ├── FetchError            a published file that cannot be brought here whole
    ├── WeightsError          weights that cannot be found, fetched or trusted
    ├── OutputError           an output that exists, or cannot be written
    ├── CheckpointError       a saved state that is damaged, or of something else
    ├── DatasetError          a dataset tree that is wrong or incomplete
    ├── ScoringError          label maps that cannot be scored
    ├── StoppedError          exit code 130: work that was asked to stop, and did in good order
    └── WorkerError           a process that died at its work

Every message is one line that says what was wrong, what was got, what was expected and what to do.
Messages name parameters as Python spells them, ``image_size`` or ``device='cpu'``; a program with
words of its own for them, as the command line has, says how by `PersamVosError.render`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

_OPEN, _IS, _CLOSE = "\x01", "\x02", "\x03"
"""What marks a parameter in a message, and its value; no text that people write has them."""
_PARAMETER = re.compile(f"{_OPEN}([^{_CLOSE}]*?)(?:{_IS}([^{_CLOSE}]*))?{_CLOSE}")

Spelling = Callable[[str, str | None], str]
"""How to write a parameter: its name, and its value as text or None, to what a user types."""


def param(name: str, value: object = None) -> str:
    """Mark the name of a parameter, with a value where one is meant, for the text of an error.

    >>> print(PersamVosError("clip.mp4", remedy=f"use {param('reader', 'pyav')}"))
    clip.mp4; use reader='pyav'
    """
    return f"{_OPEN}{name}{'' if value is None else f'{_IS}{value}'}{_CLOSE}"


def in_python(name: str, value: str | None) -> str:
    """Write a parameter as a keyword argument: ``alpha``, ``alpha=0.5``, ``device='cpu'``."""
    if value is None:
        return name
    plain = re.fullmatch(r"-?\d+(\.\d+)?|True|False|None", value)
    return f"{name}={value if plain else repr(value)}"


def printable(text: str) -> str:
    """Return a text with characters that terminals take for commands, or cannot show, as escapes.

    >>> printable("a\x1b[2Jb, é")
    'a\\\\x1b[2Jb, é'
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode()
        for one in text
    )


def spell(text: str, spelling: Spelling) -> str:
    """Return a text with the parameters that `param` marked in it written by ``spelling``."""
    return _PARAMETER.sub(lambda found: spelling(found[1], found[2]), text)


class PersamVosError(Exception):
    """A failure we can explain: ``problem: got ..., expected ...; remedy``.

    ``problem`` names the thing (a path, a parameter by `param`); the other parts may be empty and
    are then left out. Line breaks are folded, so that ``str(error)`` is always one line. The parts
    stay as attributes, with their parameters as `param` marked them.
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
        # The only argument, so that an error comes whole out of another process.
        super().__init__(" ".join(message.split()))
        self.problem, self.got, self.expected, self.remedy = problem, got, expected, remedy

    def __str__(self) -> str:
        return self.render(in_python)

    def render(self, spelling: Spelling) -> str:
        """Return the message with its parameters written by ``spelling``."""
        return printable(spell(str(self.args[0]), spelling))


def require_one_of(name: str, got: str, expected: Collection[str]) -> None:
    """Raise UsageError for a value of parameter ``name`` that is none of those expected."""
    if got not in expected:
        raise UsageError(param(name), got=repr(got), expected=f"one of {', '.join(expected)}")


def explain(error: Exception) -> PersamVosError:
    """Return the error itself, or for one that is not of this tree one that tells of it."""
    if isinstance(error, PersamVosError):
        return error
    return PersamVosError(f"unexpected {type(error).__name__}: {error}")


class UsageError(PersamVosError):
    """Parameters that are wrong or contradict each other."""

    exit_code = 2


class TargetError(UsageError):
    """A target file that cannot be read, or was made with another network."""


class MediaError(PersamVosError):
    """A video, image or folder of images that cannot be read."""


class FrameError(MediaError):
    """A frame that was asked for, by number or by name, and that the source does not have."""

    exit_code = 2


class MaskError(PersamVosError):
    """A mask file or array that cannot be understood as object labels."""


class FetchError(PersamVosError):
    """A published file that cannot be fetched, stored or trusted."""


class WeightsError(PersamVosError):
    """Weights that cannot be found, fetched or trusted."""


class OutputError(PersamVosError):
    """An output that already exists, or that cannot be written."""


class CheckpointError(PersamVosError):
    """A saved state of tracking that cannot be read, or that other weights or settings made."""


class DatasetError(PersamVosError):
    """A dataset tree that is not there, not what it should be, or incomplete."""


class ScoringError(PersamVosError):
    """Label maps that cannot be scored against each other."""


class StoppedError(PersamVosError):
    """Work that was asked to stop, and did when what it was at was finished."""

    exit_code = 130


class WorkerError(PersamVosError):
    """A worker process that ended before its work did."""
