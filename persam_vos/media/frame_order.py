"""The order of image files: by the numbers in their names, as people mean them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from .image_file import ImageFile, frame_name

_NUMBERED = re.compile(r"(.*?)(-?)(\d+)(?:\.(\d+))?(\D*)")


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A name that is text, one number, and text."""

    around: tuple[str, str]
    minus: bool
    whole: str
    fraction: str | None

    def value(self, *, signed: bool) -> Decimal:
        number = Decimal(f"{self.whole}.{self.fraction or 0}")
        return -number if self.minus and signed else number


def in_order(files: Iterable[ImageFile]) -> tuple[list[ImageFile], str | None]:
    """Sort image files: frame2 before frame10, 0.25 before 0.5, f-1 before f0.

    Also returns what to tell the user where another order would have been possible, or None.
    Names that differ in a number alone are taken for numbers with a sign where some have a minus
    and others do not, and with decimals where that is more likely than numbers of two parts, such
    as 1.9 and 1.10; all others go by `natural_key`.
    """
    plain = sorted(files, key=natural_key)
    numbered = _all_numbered([frame_name(file) for file in plain])
    if numbered is None:
        return plain, None
    signed = _has_signs(numbered)
    decimal = _has_decimals(numbered)
    if not signed and not decimal:
        return plain, _doubt(plain, numbered)
    keys = dict(zip(plain, (one.value(signed=signed) for one in numbered), strict=True))
    ordered = sorted(plain, key=lambda file: (keys[file], natural_key(file)))
    if ordered == plain:
        return plain, None
    kind = " and ".join(["signs"] * signed + ["decimals"] * decimal)
    return ordered, f"is ordered by numbers with {kind}: {_some(ordered)}"


def natural_key(file: ImageFile) -> tuple[list[tuple[int, int, str]], str]:
    """Order paths as people do: frame2 before frame10, whatever the case."""
    parts = re.findall(r"[0-9]+|[^0-9]+", str(file).casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts], str(file)


def _all_numbered(names: Sequence[str]) -> list[_Numbered] | None:
    """Understand names that differ in one number; None for others."""
    found = []
    for name in names:
        match = _NUMBERED.fullmatch(name.casefold())
        if match is None:
            return None
        before, minus, whole, fraction, after = match.groups()
        found.append(_Numbered((before, after), bool(minus), whole, fraction))
    return found if len({one.around for one in found}) == 1 else None


def _has_signs(names: Sequence[_Numbered]) -> bool:
    """Whether a minus is a sign, and not a dash between text and number."""
    minus = [one.minus for one in names]
    return any(minus) and (not all(minus) or not names[0].around[0])


def _has_decimals(names: Sequence[_Numbered]) -> bool:
    """Whether a point begins decimals: where some numbers have none, or have gaps as counters."""
    fractions = [one.fraction for one in names]
    if all(part is None for part in fractions):
        return False
    if None in fractions:
        return True
    counted: dict[str, list[int]] = defaultdict(list)
    for one in names:
        counted[one.whole].append(int(one.fraction or 0))
    steps = [b - a for part in counted.values() for a, b in pairwise(sorted(part))]
    return any(step != 1 for step in steps)


def _doubt(plain: Sequence[ImageFile], names: Sequence[_Numbered]) -> str | None:
    """Say that names could be read as decimals too, where that would change the order."""
    if all(one.fraction is None for one in names):
        return None
    values = [one.value(signed=False) for one in names]
    if values == sorted(values):
        return None
    return f"is ordered by numbers of two parts, not by decimals: {_some(plain)}"


def _some(files: Sequence[ImageFile]) -> str:
    names = [Path(file.name).name for file in files[:4]]
    return ", ".join(names) + (", ..." if len(files) > 4 else "")
