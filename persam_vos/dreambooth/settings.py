"""What a training run is asked to do: frozen, validated, each default once, with its reason.

Names are those of diffusers' scripts where these have the option, and kohya's for alpha masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ..errors import UsageError, param, require_one_of

Tune = Literal["lora", "full"]
MaskNormalize = Literal["area", "none"]
Precision = Literal["no", "fp16", "bf16"]
LrScheduler = Literal[
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup"
]

TUNES: tuple[Tune, ...] = get_args(Tune)
MASK_NORMALIZES: tuple[MaskNormalize, ...] = get_args(MaskNormalize)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
LR_SCHEDULERS: tuple[LrScheduler, ...] = get_args(LrScheduler)
LATEST = "latest"
"""Of `resume_from_checkpoint`: the newest checkpoint of the output folder, if there is one."""

LEARNING_RATES: Mapping[Tune, float] = {"lora": 1e-4, "full": 5e-6}
"""Of the recipes in the READMEs of diffusers' two scripts."""
_OFFSET_NOISE = 0.1  # of diffusers' script
_SIDE_STEP = 8  # pixels: what Stable Diffusion's pipelines make


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """All settings of a run; produced by the command line, consumed by `training.train`.

    Model: ``pretrained_model_name_or_path`` is a folder in diffusers' layout, ``variant`` chooses
    weights such as ``fp16`` in it; ``tune`` trains LoRA adapters of ``rank``, or all weights.
    Photos: ``masks_dir`` is a folder with a mask for each photo, ``alpha_mask`` takes the photos'
    alpha instead; with neither everything in a photo is learned. ``mask_dilate`` is in pixels of
    the photo, ``resolution`` the side in pixels of the squares that are trained on.
    ``class_data_dir`` is filled up to ``num_class_images`` with what the model makes of
    ``class_prompt``.
    ``train_batch_size`` counts photos; with prior preservation as many class images come on top.
    ``learning_rate`` is by default that of `LEARNING_RATES`; ``snr_gamma`` of min-SNR weights, None
    for none. ``max_train_steps`` counts steps of the optimiser. ``cache_latents`` encodes each
    photo once, which needs crops that are always the same.

    Validation pictures are made of ``validation_prompt``, which says another background, and of
    ``validation_plain_prompt``, by default ``instance_prompt``. Raises UsageError for what
    contradicts itself or is out of its range.
    """

    pretrained_model_name_or_path: Path
    instance_data_dir: Path
    instance_prompt: str
    output_dir: Path = Path("dreambooth")
    variant: str | None = None

    masks_dir: Path | None = None
    alpha_mask: bool = False
    skip_empty: bool = False
    unmasked_weight: float = 0.0  # the paper's: no gradient outside of the mask
    mask_normalize: MaskNormalize = "area"  # photos of small subjects teach as much as others
    mask_dilate: int = 0
    resolution: int = 512  # Stable Diffusion 1.x's own
    center_crop: bool = False
    random_flip: bool = False

    with_prior_preservation: bool = False
    class_data_dir: Path | None = None
    class_prompt: str | None = None
    num_class_images: int = 100
    prior_loss_weight: float = 1.0
    sample_batch_size: int = 4

    tune: Tune = "lora"
    rank: int = 4
    lora_dropout: float = 0.0
    train_text_encoder: bool = False
    train_batch_size: int = 1  # of all recipes in diffusers' README
    max_train_steps: int = 800  # its recipe with prior preservation
    gradient_accumulation_steps: int = 1
    gradient_checkpointing: bool = False
    mixed_precision: Precision = "no"
    allow_tf32: bool = False
    learning_rate: float | None = None
    scale_lr: bool = False
    lr_scheduler: LrScheduler = "constant"
    lr_warmup_steps: int = 0  # of its recipes
    lr_num_cycles: int = 1
    lr_power: float = 1.0
    use_8bit_adam: bool = False
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_weight_decay: float = 1e-2
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    offset_noise: bool = False
    snr_gamma: float | None = None
    cache_latents: bool = False
    seed: int = 0  # so that a run can be repeated

    validation_prompt: str | None = None
    validation_plain_prompt: str | None = None
    validation_steps: int = 100
    num_validation_images: int = 4
    num_inference_steps: int = 25  # of its validation

    checkpointing_steps: int = 500
    checkpoints_total_limit: int | None = None
    resume_from_checkpoint: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_numbers()
        self._check_masks()
        self._check_prior()
        self._check_folders()
        if self.validation_plain_prompt is not None and self.validation_prompt is None:
            raise _needs("validation_plain_prompt", "validation_prompt")
        if self.cache_latents and (self.random_flip or not self.center_crop):
            raise UsageError(
                param("cache_latents"),
                got="crops or flips that are drawn anew each time",
                expected="crops that are always the same",
                remedy=f"add {param('center_crop')} and leave {param('random_flip')} out, "
                f"or leave {param('cache_latents')} out",
            )

    @property
    def rate(self) -> float:
        """The learning rate, before `scale_lr`."""
        return LEARNING_RATES[self.tune] if self.learning_rate is None else self.learning_rate

    @property
    def offset_weight(self) -> float:
        """How much of a constant for each channel is added to the noise."""
        return _OFFSET_NOISE if self.offset_noise else 0.0

    @property
    def masked(self) -> bool:
        """Whether masks weigh the loss."""
        return self.masks_dir is not None or self.alpha_mask

    @property
    def validation_prompts(self) -> tuple[str, ...]:
        """The prompts of validation pictures: without background words, and with them."""
        if self.validation_prompt is None:
            return ()
        return (self.validation_plain_prompt or self.instance_prompt, self.validation_prompt)

    def _check_choices(self) -> None:
        require_one_of("tune", self.tune, TUNES)
        require_one_of("mask_normalize", self.mask_normalize, MASK_NORMALIZES)
        require_one_of("mixed_precision", self.mixed_precision, PRECISIONS)
        require_one_of("lr_scheduler", self.lr_scheduler, LR_SCHEDULERS)

    def _check_numbers(self) -> None:
        for name in _AT_LEAST_ONE:
            _in_range(name, getattr(self, name), 1)
        for name in _NOT_NEGATIVE:
            _in_range(name, getattr(self, name), 0)
        for name in _SHARES:
            _in_range(name, getattr(self, name), 0, 1)
        if self.resolution < 2 * _SIDE_STEP or self.resolution % _SIDE_STEP:
            raise UsageError(
                param("resolution"),
                got=str(self.resolution),
                expected=f"a multiple of {_SIDE_STEP} pixels, {2 * _SIDE_STEP} at least",
            )
        if self.snr_gamma is not None and not self.snr_gamma > 0:
            raise UsageError(param("snr_gamma"), got=str(self.snr_gamma), expected="more than 0")
        if not self.rate > 0:
            raise UsageError(param("learning_rate"), got=str(self.rate), expected="more than 0")

    def _check_masks(self) -> None:
        if self.masks_dir is not None and self.alpha_mask:
            raise UsageError(
                param("masks_dir"),
                got=f"{param('alpha_mask')} as well",
                expected="masks from one place",
                remedy="leave one of the two out",
            )
        if not self.masked:
            for name in ("unmasked_weight", "mask_dilate", "skip_empty"):
                if getattr(self, name):
                    raise _needs(name, "masks_dir")

    def _check_prior(self) -> None:
        for name in ("class_data_dir", "class_prompt"):
            given = getattr(self, name) is not None
            if self.with_prior_preservation and not given:
                raise _needs("with_prior_preservation", name)
            if given and not self.with_prior_preservation:
                raise _needs(name, "with_prior_preservation")

    def _check_folders(self) -> None:
        photos = self.instance_data_dir.absolute()
        for name in ("output_dir", "class_data_dir", "masks_dir"):
            folder: Path | None = getattr(self, name)
            if folder is not None and photos in (folder.absolute(), *folder.absolute().parents):
                raise UsageError(
                    param(name, folder),
                    got=f"a folder in {param('instance_data_dir')}",
                    expected="another one: all that lies there is trained on",
                    remedy="choose a folder beside it",
                )


_AT_LEAST_ONE = (
    *("num_class_images", "sample_batch_size", "rank", "train_batch_size", "max_train_steps"),
    *("gradient_accumulation_steps", "lr_num_cycles", "validation_steps"),
    *("num_validation_images", "num_inference_steps", "checkpointing_steps"),
)
_NOT_NEGATIVE = (
    *("mask_dilate", "prior_loss_weight", "lr_warmup_steps", "lr_power", "adam_weight_decay"),
    *("adam_epsilon", "max_grad_norm", "seed"),
)
_SHARES = ("unmasked_weight", "lora_dropout", "adam_beta1", "adam_beta2")


def _in_range(name: str, value: float, low: float, high: float = float("inf")) -> None:
    if not low <= value <= high:
        upper = "" if high == float("inf") else f" to {high}"
        expected = f"{low}{upper}" if upper else f"{low} or more"
        raise UsageError(param(name), got=str(value), expected=expected)


def _needs(name: str, other: str) -> UsageError:
    return UsageError(
        param(name),
        got=f"no {param(other)}",
        expected="both, or neither",
        remedy=f"add {param(other)}, or leave {param(name)} out",
    )
