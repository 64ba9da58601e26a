"""What there is to say of an input: findings, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import PersamVosError, Spelling, in_python, spell

Severity = Literal["note", "warning", "error"]
"""A note is good to know; a warning means that results may be bad; an error, that a run fails."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about an input; produced by ``checking``, consumed by ``api`` and `check`.

    ``what`` names the file or object; ``got`` is what was found there, ``expected`` what would be
    better and ``remedy`` what to do; the last two are empty where there is nothing to say.
    """

    severity: Severity
    what: str
    got: str
    expected: str = ""
    remedy: str = ""

    @classmethod
    def of(cls, error: PersamVosError) -> Finding:
        """Return the finding that a run would fail with this error."""
        got = error.got or error.problem
        return cls("error", error.problem if error.got else "", got, error.expected, error.remedy)

    def spelled(self, spelling: Spelling) -> Finding:
        """Return the finding with its parameters written by ``spelling``."""
        parts = (self.what, self.got, self.expected, self.remedy)
        return Finding(self.severity, *(spell(part, spelling) for part in parts))

    def __str__(self) -> str:
        """Say it in one line, as errors are said."""
        told = self.spelled(in_python)
        line = f"{told.what}: {told.got}" if told.what else told.got
        if told.expected:
            line += f", expected {told.expected}"
        return f"{line}; {told.remedy}" if told.remedy else line
