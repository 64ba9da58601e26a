"""Options of exports, from their fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from persam_vos.errors import UsageError
from persam_vos.exports.clip import Clip
from persam_vos.exports.exporter import make_exporter, option, option_table


@dataclass(frozen=True, kw_only=True)
class _Example:
    kind: Literal["b", "a"] = option("a", "which")
    share: float = option(0.5, "how much")
    count: int = option(3, "how many")
    whole: bool = option(True, "all of it")
    text: str = option("", "what")

    suffix: ClassVar[str] = ""
    soft: ClassVar[bool] = False

    def write(self, clip: Clip, output: Path) -> None: ...


def test_the_table_has_defaults_first() -> None:
    assert option_table(_Example) == [
        ("kind", "a|b", "which"),
        ("share", "0.5", "how much"),
        ("count", "3", "how many"),
        ("whole", "yes|no", "all of it"),
        ("text", "", "what"),
    ]


def test_texts_become_values_of_their_types() -> None:
    given = {"kind": "b", "share": "0.25", "count": "7", "whole": "off", "text": "x y"}
    found = make_exporter("example", _Example, given)
    assert found == _Example(kind="b", share=0.25, count=7, whole=False, text="x y")


@pytest.mark.parametrize("given", [{"share": "much"}, {"count": "1.5"}, {"kind": "c"}, {"no": "1"}])
def test_wrong_texts_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="export example"):
        make_exporter("example", _Example, given)
