"""What is asked for is checked as it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from persam_vos.errors import UsageError
from persam_vos.photos.request import ReferencePhoto, SegmentRequest
from persam_vos.photos.settings import PhotoSettings

SHOWN = ReferencePhoto(image="r.jpg", masks="2=r.png")


def test_references_know_their_files() -> None:
    request = SegmentRequest(photos=["p.jpg"], references=[SHOWN])
    assert request.reference_files == (Path("r.jpg"), Path("r.png"))
    assert SegmentRequest(photos=["p.jpg"], target="t").reference_files == (Path("t"),)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({}, "neither"),
        ({"references": [SHOWN], "target": "t"}, "both"),
        ({"target": "t", "settings": PhotoSettings(method="persam")}, "match"),
        ({"references": [SHOWN], "overwrite": True, "resume": True}, "one of them"),
    ],
)
def test_contradictions_are_refused(choice: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SegmentRequest(photos=["p.jpg"], **choice)


def test_a_reference_that_shows_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing"):
        ReferencePhoto(image="r.jpg")
