"""How objects are found in photos: methods, and which of the paper's mechanisms take part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..config import RECIPES, MethodSettings, RecipeName, check_paper_choices
from ..errors import UsageError, param, require_one_of

PhotoMethodName = Literal["match", "persam", "persam-f"]
PhotoMechanism = Literal[
    "location-prior",
    "negative-point",
    "guided-attention",
    "semantic-prompt",
    "refinement",
    "scale-tuning",
]
Instances = Literal["best", "all"]

PHOTO_METHODS: tuple[PhotoMethodName, ...] = get_args(PhotoMethodName)
PHOTO_MECHANISMS: tuple[PhotoMechanism, ...] = get_args(PhotoMechanism)
INSTANCES: tuple[Instances, ...] = get_args(Instances)
DEFAULT_PHOTO_METHOD: PhotoMethodName = "match"  # see benchmarks/results/photos.md
PAPER_PHOTO_METHOD: PhotoMethodName = "persam-f"


@dataclass(frozen=True, slots=True)
class PhotoSettings:
    """How objects are found in photos.

    ``method`` is ``match`` (ours), or ``persam`` or ``persam-f`` of the paper, of which ``recipe``
    upstream takes the published photo programs to the letter. ``without`` switches mechanisms of
    the paper's methods off, for its ablation. ``instances`` says whether all instances of an object
    in a photo are wanted or the best one. ``absent_is_empty`` leaves the mask of an object empty
    that does not seem to be in the photo; the paper's tables take the mask whatever it is.
    ``closer`` looks at small objects again, in a window round them.

    Raises UsageError for choices that are unknown or contradict each other.
    """

    method: PhotoMethodName = DEFAULT_PHOTO_METHOD
    recipe: RecipeName = "default"
    without: frozenset[PhotoMechanism] = frozenset()
    instances: Instances = "best"
    absent_is_empty: bool = True
    closer: bool = True

    def __post_init__(self) -> None:
        chosen = {
            "method": ((self.method,), PHOTO_METHODS),
            "recipe": ((self.recipe,), RECIPES),
            "without": (self.without, PHOTO_MECHANISMS),
            "instances": ((self.instances,), INSTANCES),
        }
        for name, (got, expected) in chosen.items():
            for one in sorted(got):
                require_one_of(name, one, expected)
        check_paper_choices(self.method, self.recipe, self.without, ours=DEFAULT_PHOTO_METHOD)
        if self.method != "match" and self.instances == "all":
            raise UsageError(
                param("instances"),
                got=f"all with {param('method', self.method)}",
                expected="best: the paper's methods find one instance of an object",
                remedy=f"use {param('method', 'match')}",
            )

    def uses(self, mechanism: PhotoMechanism) -> bool:
        """Tell whether a mechanism of the paper is switched on."""
        return mechanism not in self.without

    def engine_settings(self) -> MethodSettings:
        """Return the settings of an engine that encodes photos as the method wants them."""
        if self.method == "match":
            return MethodSettings()
        return MethodSettings(method=self.method, recipe=self.recipe)


def default_photo_method(*, recipe: str, without: frozenset[PhotoMechanism]) -> PhotoMethodName:
    """Choose the method that goes with the other choices, where none is named."""
    return PAPER_PHOTO_METHOD if recipe == "upstream" or without else DEFAULT_PHOTO_METHOD
