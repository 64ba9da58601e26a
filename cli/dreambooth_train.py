"""`persam-vos dreambooth train`: parse, call, print."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import click

from persam_vos.dreambooth.settings import LEARNING_RATES, TrainSettings

from .echo import echo
from .flags import as_flag
from .options import collect, command_line
from .progress import Console, FrameProgress
from .stopping import Stopping

if TYPE_CHECKING:
    from persam_vos.dreambooth.trainer import TrainedStep
    from persam_vos.dreambooth.training import TrainEvents, TrainSummary

HELP: Mapping[str, str] = {
    "pretrained_model_name_or_path": "Folder of a Stable Diffusion 1.x, 2.x or SDXL pipeline, as "
    "diffusers saves it.",
    "variant": "Which weights of the folder to read, such as fp16.",
    "instance_data_dir": "Folder of the photos of the subject, and nothing else.",
    "instance_prompt": "What the photos show, with a rare word for the subject: "
    "'a photo of sks dog'.",
    "output_dir": "Folder of the results.",
    "masks_dir": "Folder with a mask PNG for each photo, by its name, of its size: "
    "what `dreambooth prepare` writes. White is the subject, grey counts less.",
    "alpha_mask": "Take the alpha of the photos as their masks.",
    "skip_empty": "Leave photos with an empty mask out, instead of refusing them.",
    "unmasked_weight": "Weight of what lies outside of the masks; 0 is the paper's, where the "
    "background teaches nothing.",
    "mask_normalize": "'area' divides the loss by the area of the mask, so that photos of a small "
    "subject teach as much as others; with a mask of the whole photo it is the plain loss. "
    "'none' divides by the whole area, as kohya's scripts do.",
    "mask_dilate": "Grow the masks by N pixels of the photo. The loss sees masks at an eighth of "
    "the resolution, where thin parts of a subject fade.",
    "resolution": "Side of the squares that are trained on, in pixels; 1024 for SDXL.",
    "center_crop": "Cut the middle of photos, instead of another place each time.",
    "random_flip": "Mirror half of the photos, another half each time.",
    "with_prior_preservation": "Train on images of the subject's class as well, without masks, so "
    "that the class is not forgotten.",
    "class_data_dir": "Folder of the class images; those that are missing are made.",
    "class_prompt": "What the class images show: 'a photo of dog'.",
    "num_class_images": "How many class images there should be.",
    "prior_loss_weight": "Weight of the class images in the loss.",
    "sample_batch_size": "How many class images are made at a time.",
    "tune": "Train LoRA adapters, or all weights.",
    "rank": "Rank of the adapters.",
    "lora_dropout": "Dropout of the adapters.",
    "train_text_encoder": "Train the text encoder as well; both of SDXL.",
    "train_batch_size": "Photos in a batch, on each device; class images come on top.",
    "max_train_steps": "Steps of the optimiser.",
    "gradient_accumulation_steps": "Batches in a step.",
    "gradient_checkpointing": "Compute activations twice, to save memory.",
    "mixed_precision": "Precision of matrix products; trained weights stay in float32.",
    "allow_tf32": "Let CUDA compute in TF32.",
    "learning_rate": "Learning rate.  [default: "
    + ", ".join(f"{rate:g} with --tune {tune}" for tune, rate in LEARNING_RATES.items())
    + "]",
    "scale_lr": "Multiply the learning rate by the number of photos in a step, of all devices.",
    "lr_scheduler": "How the learning rate changes.",
    "lr_warmup_steps": "Steps in which it rises from 0.",
    "lr_num_cycles": "Restarts of cosine_with_restarts.",
    "lr_power": "Power of polynomial.",
    "use_8bit_adam": "Keep the optimiser's state in 8 bits; needs bitsandbytes.",
    "adam_beta1": "AdamW's beta 1.",
    "adam_beta2": "AdamW's beta 2.",
    "adam_weight_decay": "AdamW's weight decay.",
    "adam_epsilon": "AdamW's epsilon.",
    "max_grad_norm": "Largest norm of the gradient; 0 for no limit.",
    "offset_noise": "Add 0.1 of a constant for each channel to the noise.",
    "snr_gamma": "Gamma of min-SNR weights, of which 5 is usual; class images have none.",
    "cache_latents": "Read and encode each photo once; needs --center-crop and no --random-flip.",
    "seed": "Seed of all that is drawn.",
    "validation_prompt": "A prompt with another background, of which pictures are made: "
    "'a photo of sks dog on the moon'.",
    "validation_plain_prompt": "A prompt without background words, for the pictures beside them.  "
    "[default: the instance prompt]",
    "validation_steps": "Steps from one sheet of pictures to the next; the last step has one.",
    "num_validation_images": "Pictures of each prompt.",
    "num_inference_steps": "Denoising steps of pictures that are made.",
    "checkpointing_steps": "Steps from one checkpoint to the next.",
    "checkpoints_total_limit": "How many checkpoints to keep.  [default: all]",
    "resume_from_checkpoint": "Go on from a checkpoint: its path, or 'latest', which begins anew "
    "if there is none. The result is that of one run, on a CPU to the last byte.",
    "overwrite": "Replace the results of an earlier run.",
}
_NAMES = {"output_dir": ("--output-dir", "--output", "-o")}
_METAVARS = {"resume_from_checkpoint": "latest|PATH"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(TrainSettings):
    """What the options of `train` say: the settings, and what is printed."""

    quiet: bool
    as_json: bool


def _kind(hint: Any) -> Any:
    """Return what click makes of an option, by the annotation of a setting."""
    if get_origin(hint) is UnionType:
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is Literal:
        return click.Choice(get_args(hint))
    return click.Path(path_type=Path) if hint is Path else hint


def _settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each setting, with its default."""
    hints = get_type_hints(TrainSettings)
    defaults = {one.name: one.default for one in fields(TrainSettings)}
    for name in reversed(list(HELP)):
        default, kind = defaults[name], _kind(hints[name])
        required = default is MISSING
        told = not (required or default is None or kind is bool)
        command = click.option(
            *_NAMES.get(name, (as_flag(name),)),
            name,
            type=None if kind is bool else kind,
            is_flag=kind is bool,
            default=None if required else default,
            required=required,
            show_default=told,
            metavar=_METAVARS.get(name),
            help=HELP[name],
        )(command)
    return command


@click.command()
@_settings_options
@click.option("--quiet", "-q", is_flag=True, help="No progress and no warnings on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@collect(TrainOptions)
def train(options: TrainOptions) -> None:
    """Teach a diffusion model a subject from 3 to 5 photos, but not what is behind it.

    The loss counts within the masks alone. Written are pytorch_lora_weights.safetensors, or with
    --tune full a whole pipeline, which other tools load; training.json with settings, versions and
    how much of each photo is the subject; loss.csv; checkpoints; and sheets of validation pictures.

    On several devices: accelerate launch -m persam_vos dreambooth train ...
    """
    from persam_vos.dreambooth.training import train as train_model

    first = os.environ.get("RANK", "0") == "0"  # of the processes that accelerate launches
    console = Console(quiet=options.quiet or not first)
    stopping = Stopping("step", "--resume-from-checkpoint latest")
    launched = int(os.environ.get("WORLD_SIZE", "1")) > 1  # others would wait for this one
    with nullcontext() if launched else stopping.handled(), console.frames("steps") as bar:
        events = _events(options, console, bar, stopping)
        summary = train_model(options, events, command=command_line())
    if first:
        _print(summary, as_json=options.as_json)


def _events(
    options: TrainOptions, console: Console, bar: FrameProgress, stopping: Stopping
) -> TrainEvents:
    from persam_vos.dreambooth.training import TrainEvents

    def on_start(done: int, total: int) -> None:
        bar.start("training", total, done=done)
        stopping.arm()

    def on_step(step: TrainedStep) -> None:
        bar.describe(f"loss {step.loss:.4f}{_parts(step)}")
        bar.advance()

    def on_coverage(coverage: dict[str, float]) -> None:
        if options.masked:
            for name, share in coverage.items():
                console.say(f"{name}: the subject covers {share:.1%}")

    return TrainEvents(
        on_coverage=on_coverage,
        on_class_images=lambda count: bar.start("class images", count),
        on_class_image=bar.advance,
        on_start=on_start,
        on_step=on_step,
        should_stop=stopping,
        on_warning=console.warn,
    )


def _parts(step: TrainedStep) -> str:
    """Say the errors inside and outside of the mask, where there are both."""
    both = (("inside", step.inside), ("outside", step.outside))
    return "".join(f", {name} {value:.4f}" for name, value in both if not math.isnan(value))


def _print(summary: TrainSummary, *, as_json: bool) -> None:
    """Print what was trained, and where it is."""
    if as_json:
        facts = asdict(summary) | {
            "output": str(summary.output),
            "files": [str(path) for path in summary.files],
        }
        echo(json.dumps(facts, indent=1))
        return
    if summary.resumed_from:
        echo(f"resumed  from step {summary.resumed_from}")
    if summary.last is not None:
        echo(f"trained  {summary.steps} steps, loss {summary.last.loss:.4f}{_parts(summary.last)}")
    for path in summary.files:
        echo(f"written  {path}")
    echo(f"settings {summary.output / 'training.json'}")
