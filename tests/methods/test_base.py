"""Every method answers all that the protocol asks."""

from __future__ import annotations

from typing import Any

import pytest

from persam_vos.methods.base import Method
from persam_vos.methods.memory.tracker import MemoryMethod
from persam_vos.methods.persam import PersamMethod
from persam_vos.methods.persam_upstream import UpstreamMethod

ASKED = ("add_reference", "remove", "features", "propagate", "state")


@pytest.mark.parametrize("method", [MemoryMethod, PersamMethod, UpstreamMethod])
def test_a_method_answers_what_it_is_asked(method: type[Method[Any]]) -> None:
    assert Method in method.__mro__
    assert [name for name in ASKED if name not in vars(method)] == []


def test_only_the_memory_can_be_captured_and_goes_on_without_the_last_labels() -> None:
    assert "graphable" in vars(MemoryMethod)
    assert [one.needs_previous for one in (MemoryMethod, PersamMethod, UpstreamMethod)] == [
        False,
        True,
        True,
    ]
    assert not any("graphable" in vars(one) for one in (PersamMethod, UpstreamMethod))
