"""Read a description in JSON that may hold anything, and say what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..errors import PersamVosError
from ..files.limits import parse_json

MAX_TEXT: Final = 255
"""Characters of a text: file names have no more."""

Refuse = Callable[[str], PersamVosError]
"""Makes the error that says what was got."""


class Description:
    """A JSON object whose members are read by name, each checked for its kind and bounds."""

    def __init__(self, members: object, where: str, refuse: Refuse) -> None:
        self._where, self._refuse = where, refuse
        if not isinstance(members, dict):
            raise refuse(f"no description in {where}")
        self._members: dict[str, Any] = members

    @classmethod
    def parse(cls, text: str, refuse: Refuse) -> Description:
        """Read the text of a whole description; raises what ``refuse`` makes if it is none."""
        try:
            members = parse_json(text)
        except ValueError as error:
            raise refuse("a description that is no JSON") from error
        return cls(members, "its header", refuse)

    def text(self, name: str) -> str:
        """Return a short text that can be printed; others could rewrite a terminal's lines."""
        value = self._members.get(name)
        if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
            raise self._wrong(name)
        return value

    def number(self, name: str, allowed: range) -> int:
        """Return a whole number in ``allowed``."""
        return self._number(name, self._members.get(name), allowed)

    def numbers(self, name: str, count: int, allowed: range) -> list[int]:
        """Return ``count`` whole numbers, each in ``allowed``."""
        values = self._members.get(name)
        if not isinstance(values, list) or len(values) != count:
            raise self._wrong(name)
        return [self._number(name, value, allowed) for value in values]

    def ids(self, name: str) -> tuple[int, ...]:
        """Return object ids, at least one, ascending."""
        values = self._members.get(name)
        if not isinstance(values, list) or not 1 <= len(values) <= 255:
            raise self._wrong(name)
        ids = [self._number(name, value, range(1, 256)) for value in values]
        if ids != sorted(set(ids)):
            raise self._wrong(name)
        return tuple(ids)

    def part(self, name: str) -> Description:
        """Return a description inside of this one."""
        return Description(self._members.get(name), f"{name!r}", self._refuse)

    def parts(self, name: str, allowed: range) -> list[Description]:
        """Return a list of descriptions, as many as ``allowed``."""
        values = self._members.get(name)
        if not isinstance(values, list) or len(values) not in allowed:
            raise self._wrong(name)
        return [Description(value, f"{name!r}", self._refuse) for value in values]

    def texts(self, name: str) -> dict[str, str]:
        """Return texts by name."""
        inner = self.part(name)
        if not all(len(key) <= MAX_TEXT and key.isprintable() for key in inner._members):
            raise self._wrong(name)
        return {key: inner.text(key) for key in inner._members}

    def _number(self, name: str, value: object, allowed: range) -> int:
        if type(value) is not int or value not in allowed:  # True is no number here
            raise self._wrong(name)
        return value

    def _wrong(self, name: str) -> PersamVosError:
        return self._refuse(f"no {name!r} that can be right in {self._where}")
