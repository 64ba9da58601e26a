"""What is found odd about an input while it is read, told once however often it is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_NUMBERS_TOLD = 8


@dataclass(slots=True)
class Notes:
    """Sentences on an input, which all begin with its ``subject``; several threads may add some."""

    subject: str
    _told: dict[str, str] = field(default_factory=dict)
    _damaged: set[int] = field(default_factory=set)

    def add(self, words: str) -> None:
        """Add a sentence, unless it is there."""
        self._told.setdefault(words, words)

    def once(self, kind: str, words: str) -> None:
        """Add a sentence, unless there is one of its kind."""
        self._told.setdefault(kind, words)

    def damaged(self, index: int) -> None:
        """Add a frame that could not be decoded, or not wholly."""
        self._damaged.add(index)

    def sentences(self) -> tuple[str, ...]:
        """Return all sentences, in the order in which they were added."""
        told = [f"{self.subject} {words}" for words in self._told.values()]
        if self._damaged:
            several = len(self._damaged) > 1
            told.append(
                f"{self.subject} has {len(self._damaged)} damaged frame{'s' if several else ''} "
                f"({listed(self._damaged)}): what could not be decoded is grey, or repeats the "
                "picture before"
            )
        return tuple(told)


def listed(numbers: Iterable[int]) -> str:
    """Return numbers in order, the first few of them."""
    ordered = sorted(numbers)
    rest = len(ordered) - _NUMBERS_TOLD
    told = ", ".join(map(str, ordered[:_NUMBERS_TOLD]))
    return told + (f" and {rest} more" if rest > 0 else "")
