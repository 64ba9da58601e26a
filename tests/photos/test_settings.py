"""Choices that contradict each other are told, with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from persam_vos.errors import UsageError
from persam_vos.photos.settings import PhotoSettings, default_photo_method


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"method": "sam"}, "one of match, persam, persam-f"),
        ({"without": frozenset({"luck"})}, "'luck'"),
        ({"method": "persam", "recipe": "upstream", "without": frozenset({"refinement"})}, "leave"),
        ({"recipe": "upstream"}, "match with recipe"),
        ({"method": "persam", "instances": "all"}, "method='match'"),
    ],
)
def test_what_does_not_fit_is_refused(choice: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        PhotoSettings(**choice)


def test_the_papers_methods_have_the_engine_that_they_were_made_for() -> None:
    assert PhotoSettings().engine_settings().method == "memory"
    settings = PhotoSettings(method="persam", recipe="upstream").engine_settings()
    assert (settings.method, settings.recipe, settings.image_size) == ("persam", "upstream", 1024)


def test_the_default_method_goes_with_the_other_choices() -> None:
    assert default_photo_method(recipe="default", without=frozenset()) == "match"
    assert default_photo_method(recipe="upstream", without=frozenset()) == "persam-f"
    assert default_photo_method(recipe="default", without=frozenset({"refinement"})) == "persam-f"
