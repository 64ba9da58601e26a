"""What an export is: a frozen dataclass of its options that writes a clip to a file or folder."""

from __future__ import annotations

from dataclasses import field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, get_origin, get_type_hints

from ..errors import UsageError

if TYPE_CHECKING:
    from .clip import Clip

YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


class Exporter(Protocol):
    """One export with its options; found by name in ``registry``.

    Its class is a frozen dataclass whose fields are the options, made by `option`.
    """

    @property
    def suffix(self) -> str:
        """Suffix of the file that it writes; empty for a folder."""

    @property
    def soft(self) -> bool:
        """Whether it shows soft masks, which a run keeps only if asked to."""

    def write(self, clip: Clip, output: Path) -> None:
        """Write the clip, frame by frame, to a file or into an empty folder that is there.

        ``output`` is a temporary place, which is moved into its own when this returns. Raises
        PersamVosError or OSError.
        """


def option(default: Any, text: str) -> Any:
    """Make a field of an exporter: an option with its default, and what it is for."""
    return field(default=default, metadata={"help": text})


def option_table(kind: type[Exporter]) -> list[tuple[str, str, str]]:
    """Return name, values with the default first, and purpose of each option of an export."""
    hints = get_type_hints(kind)
    rows = []
    for one in fields(kind):  # type: ignore[arg-type]  # exporters are dataclasses
        default = _spelled(one.default)
        others = [value for value in _choices(hints[one.name]) if value != default]
        rows.append((one.name, "|".join([default, *others]), str(one.metadata["help"])))
    return rows


def make_exporter(name: str, kind: type[Exporter], given: dict[str, str]) -> Exporter:
    """Make an exporter of options as text; raises UsageError for one that is unknown or wrong."""
    hints = get_type_hints(kind)
    known = [one.name for one in fields(kind)]  # type: ignore[arg-type]  # as above
    values: dict[str, Any] = {}
    for key, text in given.items():
        if key not in known:
            expected = f"one of {', '.join(known)}" if known else "none: it has no options"
            raise UsageError(f"export {name}", got=f"the option {key!r}", expected=expected)
        values[key] = _value(f"export {name}, option {key}", text, hints[key])
    return kind(**values)


def _choices(hint: Any) -> tuple[str, ...]:
    if hint is bool:
        return ("yes", "no")
    return get_args(hint) if get_origin(hint) is Literal else ()


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _value(what: str, text: str, hint: Any) -> Any:
    """Read an option's text as its type says."""
    if hint is bool:
        if text.lower() in (*YES, *NO):
            return text.lower() in YES
        raise UsageError(what, got=repr(text), expected="yes or no")
    if get_origin(hint) is Literal:
        if text in get_args(hint):
            return text
        raise UsageError(what, got=repr(text), expected=f"one of {', '.join(get_args(hint))}")
    if hint is str:
        return text
    try:
        return hint(text)
    except ValueError:
        expected = "a whole number" if hint is int else "a number"
        raise UsageError(what, got=repr(text), expected=expected) from None
