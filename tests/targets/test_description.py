from __future__ import annotations

import pytest

from persam_vos.errors import TargetError
from persam_vos.targets.description import Description


def read(text: str) -> Description:
    return Description.parse(text, lambda got: TargetError("a file", got=got))


def test_members_are_read_by_their_kinds() -> None:
    facts = read('{"a": "text", "b": 3, "c": [1, 2], "d": {"e": "f"}, "g": [{"h": 1}]}')
    assert facts.text("a") == "text"
    assert facts.number("b", range(4)) == 3
    assert facts.numbers("c", 2, range(3)) == [1, 2]
    assert facts.ids("c") == (1, 2)
    assert facts.texts("d") == {"e": "f"}
    assert [one.number("h", range(2)) for one in facts.parts("g", range(2))] == [1]


@pytest.mark.parametrize("value", ["null", "1.5", "true", "-1", "10", '"1"', "[1]", "NaN"])
def test_a_number_is_a_whole_one_within_bounds(value: str) -> None:
    with pytest.raises(TargetError, match="'n'"):
        read(f'{{"n": {value}}}').number("n", range(10))


def test_what_is_missing_is_named_with_its_place() -> None:
    with pytest.raises(TargetError, match="no 'b' that can be right in 'a'"):
        read('{"a": {}}').part("a").text("b")


def test_texts_with_names_that_cannot_be_printed_are_refused() -> None:
    with pytest.raises(TargetError):
        read('{"a": {"\\u001b": "b"}}').texts("a")
