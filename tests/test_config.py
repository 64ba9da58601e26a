"""Settings: validated when made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from persam_vos.config import MECHANISMS, METHODS, RECIPES, MethodSettings, default_method
from persam_vos.errors import UsageError


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_known_choices_are_accepted(method: Any, recipe: Any) -> None:
    if method == "memory" and recipe == "upstream":
        pytest.skip("refused: see the table of wrong choices")
    settings = MethodSettings(method=method, recipe=recipe)
    assert all(settings.uses(mechanism) for mechanism in MECHANISMS)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each_mechanism_can_be_switched_off_alone(mechanism: Any) -> None:
    settings = MethodSettings(method="persam", without=frozenset({mechanism}))
    assert [m for m in MECHANISMS if not settings.uses(m)] == [mechanism]


WRONG: dict[str, dict[str, Any]] = {
    "unknown method": {"method": "persam-g"},
    "unknown recipe": {"recipe": "private"},
    "unknown mechanism": {"without": frozenset({"luck"})},
    "upstream recipe of the memory": {"method": "memory", "recipe": "upstream"},
    "ablation of the memory": {"method": "memory", "without": frozenset({"refinement"})},
    "ablation of the upstream recipe": {
        "method": "persam",
        "recipe": "upstream",
        "without": frozenset({"refinement"}),
    },
    "picture too small": {"image_size": 100},
    "another size for the paper's methods": {"method": "persam-f", "image_size": 768},
    "mirror images for the paper's methods": {"method": "persam", "mirrored": True},
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_choices_are_explained(case: str) -> None:
    with pytest.raises(UsageError, match=r"^\w+: got .*, expected "):
        MethodSettings(**WRONG[case])


@pytest.mark.parametrize(
    ("recipe", "without", "expected"),
    [
        ("default", (), "memory"),
        ("upstream", (), "persam-f"),
        ("default", ("refinement",), "persam-f"),
    ],
)
def test_the_default_method_fits_the_other_choices(
    recipe: Any, without: Any, expected: str
) -> None:
    method = default_method(recipe=recipe, without=without)
    assert method == expected
    MethodSettings(method=method, recipe=recipe, without=frozenset(without))


def test_settings_do_not_change() -> None:
    settings = MethodSettings()
    with pytest.raises(FrozenInstanceError):
        settings.method = "persam"  # type: ignore[misc]
