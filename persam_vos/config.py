"""Frozen, validated settings: each default once, with its reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import UsageError, param, require_one_of

MethodName = Literal["memory", "persam", "persam-f"]
RecipeName = Literal["default", "upstream"]
QualityName = Literal["fast", "balanced", "best"]
Mechanism = Literal["negative-point", "guided-attention", "semantic-prompt", "refinement"]

BackendName = Literal[
    "auto", "torch", "onnx", "onnx-int8", "openvino", "openvino-bf16", "openvino-int8"
]

EncoderName = Literal["sam", "dinov2-small", "dinov2-base", "dinov2-large"]

METHODS: tuple[MethodName, ...] = get_args(MethodName)
RECIPES: tuple[RecipeName, ...] = get_args(RecipeName)
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
ENCODER_NAMES: tuple[EncoderName, ...] = get_args(EncoderName)

IMAGE_SIZES: Mapping[QualityName, int] = {"fast": 768, "balanced": 1024, "best": 1280}
"""Long side in pixels of the encoder's input, by quality."""
SMALL_SIDES: Mapping[QualityName, int] = {"fast": 0, "balanced": 240, "best": 240}
"""Long side in input pixels up to which objects also get a high-resolution crop, by quality."""
MIRRORED: Mapping[QualityName, bool] = {"fast": False, "balanced": False, "best": True}
"""Whether the encoder also sees each picture's mirror image, by quality."""
IMAGE_SIZE_RANGE = (256, 2048)
DEFAULT_METHOD: MethodName = "memory"  # the most accurate: see benchmarks/results/accuracy.md
PAPER_METHOD: MethodName = "persam-f"  # the paper's better one: +9.2 J&F on DAVIS 2017
DEFAULT_RECIPE: RecipeName = "default"
DEFAULT_QUALITY: QualityName = "balanced"
CHECKPOINT_SECONDS = 10.0
"""How often the state of a run is saved: what is lost by a power cut is this at most."""
KEPT_CHECKPOINTS = 2
"""Of each half of a run, up to 140 MB each at 480p: for corrections, not to begin at its start."""


@dataclass(frozen=True, slots=True)
class MethodSettings:
    """How objects are followed, and how the encoder sees the pictures.

    ``without`` switches mechanisms of the paper off, for its ablation; neither it nor the upstream
    recipe has a meaning for the memory. ``fit_steps`` and ``fit_rate`` are the paper's for PerSAM-F
    (1000 steps of AdamW at 1e-3). ``box_margin`` is the growth of the last box, as a fraction of
    the picture's long side: 10 px of 854, upstream's margin at the size it was chosen for.
    ``guide_weight`` is alpha of eq. 8. ``presence_threshold`` is the score under which an object
    counts as gone.

    For the memory: ``decoder_weight`` is the weight of the decoder's logits in a mask, the memory
    readout has the rest; ``trust_threshold`` the score from which a decoded mask is remembered;
    ``fragment_threshold`` the score under which a small fragment of an object is not believed;
    ``recognition_threshold`` the fraction of a mask's cells that have to resemble the object more
    than anything else on its reference frame, or it counts as gone. ``image_size`` is the long side
    of the encoder's input in pixels (SAM's own is 1024); ``small_side`` the long side, in those
    pixels, up to which an object is small and also encoded in a high-resolution crop, 0 for none.
    ``mirrored`` has each picture, though no crop, encoded a second time as its mirror image, and
    averages the two.
    """

    method: MethodName = DEFAULT_METHOD
    recipe: RecipeName = DEFAULT_RECIPE
    without: frozenset[Mechanism] = frozenset()
    fit_steps: int = 1000
    fit_rate: float = 1e-3
    box_margin: float = 10 / 854
    guide_weight: float = 1.0
    presence_threshold: float = 0.2
    decoder_weight: float = 0.1
    trust_threshold: float = 0.4
    fragment_threshold: float = 0.3
    recognition_threshold: float = 0.35
    image_size: int = IMAGE_SIZES[DEFAULT_QUALITY]
    small_side: int = SMALL_SIDES[DEFAULT_QUALITY]
    mirrored: bool = MIRRORED[DEFAULT_QUALITY]

    def __post_init__(self) -> None:
        require_one_of("method", self.method, METHODS)
        require_one_of("recipe", self.recipe, RECIPES)
        for mechanism in self.without:
            require_one_of("without", mechanism, MECHANISMS)
        check_paper_choices(self.method, self.recipe, self.without, ours=DEFAULT_METHOD)
        self._check_image_size()
        if self.method != "memory" and self.mirrored:
            raise UsageError(
                param("mirrored"),
                got=param("method", self.method),
                expected=f"{param('method', 'memory')}: the paper's methods see pictures once",
            )

    def _check_image_size(self) -> None:
        low, high = IMAGE_SIZE_RANGE
        if not low <= self.image_size <= high:
            raise UsageError(
                param("image_size"), got=str(self.image_size), expected=f"{low} to {high} pixels"
            )
        if self.method != "memory" and self.image_size != IMAGE_SIZES[DEFAULT_QUALITY]:
            raise UsageError(
                param("image_size"),
                got=f"{self.image_size} with {param('method', self.method)}",
                expected=f"{IMAGE_SIZES[DEFAULT_QUALITY]}, SAM's own, for the paper's methods",
                remedy=f"leave it out, or use {param('method', 'memory')}",
            )

    def uses(self, mechanism: Mechanism) -> bool:
        """Tell whether a mechanism of the paper is switched on."""
        return mechanism not in self.without


def check_paper_choices(
    method: str, recipe: RecipeName, without: Collection[str], *, ours: str
) -> None:
    """Raise UsageError where a recipe and an ablation, of the paper's methods, do not go together.

    Or where either is given with the method that is ``ours``.
    """
    upstream = param("recipe", "upstream")
    if without and recipe == "upstream":
        raise UsageError(
            param("without"),
            got=f"{', '.join(sorted(without))} with {upstream}",
            expected="the default recipe",
            remedy="leave one of the two out",
        )
    if method == ours and (without or recipe == "upstream"):
        raise UsageError(
            param("method"),
            got=f"{ours} with {upstream} or {param('without')}",
            expected="persam or persam-f, which these are about",
            remedy=f"add {param('method', PAPER_METHOD)}, or leave them out",
        )


def default_method(*, recipe: str, without: Collection[str]) -> MethodName:
    """Choose the method that goes with the other choices, where none is named."""
    return PAPER_METHOD if recipe == "upstream" or without else DEFAULT_METHOD
