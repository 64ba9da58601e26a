"""Frozen, validated settings: each default once, with its reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import UsageError

MethodName = Literal["memory", "persam", "persam-f"]
RecipeName = Literal["default", "public"]
Mechanism = Literal["negative-point", "guided-attention", "semantic-prompt", "refinement"]

METHODS: tuple[MethodName, ...] = get_args(MethodName)
RECIPES: tuple[RecipeName, ...] = get_args(RecipeName)
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)

DEFAULT_METHOD: MethodName = "memory"  # the most accurate: see benchmarks/results/accuracy.md
PAPER_METHOD: MethodName = "persam-f"  # the paper's better one: +9.2 J&F on DAVIS 2017
DEFAULT_RECIPE: RecipeName = "default"


@dataclass(frozen=True, slots=True)
class MethodSettings:
    """What `--method`, `--recipe` and `--without` choose.

    ``without`` switches mechanisms of the paper off, for its ablation; neither it nor the public
    recipe has a meaning for the memory. ``fit_steps`` and ``fit_rate`` are the paper's for PerSAM-F
    (1000 steps of AdamW at 1e-3). ``box_margin`` is the growth of the last box, as a share of the
    picture's long side: 10 px of 854, the public recipe's margin at the size it was chosen for.
    ``guide_weight`` is alpha of eq. 8. ``presence_threshold`` is the score under which an object
    counts as gone. For the memory: ``decoder_share`` of the decoder's logits in the mask, the rest
    is the recalled mask's; ``trust_threshold`` the score from which a decoded mask is remembered;
    ``recognition_threshold`` the share of a mask's cells that have to resemble the object more than
    anything else on its reference frame, or it is taken for gone.
    """

    method: MethodName = DEFAULT_METHOD
    recipe: RecipeName = DEFAULT_RECIPE
    without: frozenset[Mechanism] = frozenset()
    fit_steps: int = 1000
    fit_rate: float = 1e-3
    box_margin: float = 10 / 854
    guide_weight: float = 1.0
    presence_threshold: float = 0.2
    decoder_share: float = 0.5
    trust_threshold: float = 0.4
    recognition_threshold: float = 0.35

    def __post_init__(self) -> None:
        _one_of("--method", self.method, METHODS)
        _one_of("--recipe", self.recipe, RECIPES)
        for mechanism in self.without:
            _one_of("--without", mechanism, MECHANISMS)
        if self.without and self.recipe == "public":
            raise UsageError(
                "--without",
                got=f"{', '.join(sorted(self.without))} with --recipe public",
                expected="the default recipe",
                remedy="leave one of the two options out",
            )
        if self.method == "memory" and (self.without or self.recipe == "public"):
            raise UsageError(
                "--method",
                got="memory with --recipe public or --without",
                expected="persam or persam-f, which these options are about",
                remedy=f"add --method {PAPER_METHOD}, or leave --method out",
            )

    def uses(self, mechanism: Mechanism) -> bool:
        """Tell whether a mechanism of the paper is switched on."""
        return mechanism not in self.without


def default_method(*, recipe: str, without: Collection[str]) -> MethodName:
    """Choose the method that goes with the other choices, where none is named."""
    return PAPER_METHOD if recipe == "public" or without else DEFAULT_METHOD


def _one_of(option: str, got: str, expected: tuple[str, ...]) -> None:
    if got not in expected:
        raise UsageError(option, got=repr(got), expected=f"one of {', '.join(expected)}")
