"""Train a diffusion model on photos of a subject: checks, class images, steps, what is written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from ..errors import UsageError, param
from ..files.digests import digest_of_files
from ..files.output_lock import output_lock
from .caches import CropSource
from .checkpoints import (
    check_identity,
    find_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from .class_images import make_class_images, missing_class_images
from .extra import quiet_libraries, require_8bit, require_extra, versions
from .models import DiffusionModel, Family, check_model_folder, load_model
from .outputs import check_output, remove, save_trained, write_record
from .photos import ClassPhotos, InstancePhotos
from .settings import TrainSettings
from .text import too_long
from .trainer import TrainedStep, Trainer, prepare_networks
from .validation import save_validation

_log = logging.getLogger(__name__)

_LOCK = ".training"
_FREE = frozenset(  # what the trained weights do not depend on, or by the content of files alone
    (
        *("pretrained_model_name_or_path", "instance_data_dir", "output_dir", "masks_dir"),
        *("class_data_dir", "num_class_images", "sample_batch_size", "max_train_steps"),
        *("validation_prompt", "validation_plain_prompt", "validation_steps"),
        *("num_validation_images", "num_inference_steps", "checkpointing_steps"),
        *("checkpoints_total_limit", "resume_from_checkpoint", "overwrite", "skip_empty"),
    )
)
_STEADY = ("constant", "constant_with_warmup")


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """What a finished run wrote; produced by `train`.

    ``files`` are what was trained; ``coverage`` is the share of each photo that its mask covers, in
    [0, 1], by the photo's name; ``last`` tells of the last step, None if none was left to do.
    """

    output: Path
    files: tuple[Path, ...]
    steps: int
    resumed_from: int
    coverage: dict[str, float]
    last: TrainedStep | None


@dataclass(frozen=True, slots=True)
class TrainEvents:
    """Who is told how a run goes on; of several processes the first one tells.

    A run of one process asks after each step whether it ``should_stop``: then it saves a checkpoint
    and raises KeyboardInterrupt.
    """

    on_coverage: Callable[[dict[str, float]], None] = lambda _: None
    on_class_images: Callable[[int], None] = lambda _: None
    on_class_image: Callable[[], None] = lambda: None
    on_start: Callable[[int, int], None] = lambda _done, _total: None
    on_step: Callable[[TrainedStep], None] = lambda _: None
    should_stop: Callable[[], bool] = lambda: False
    on_warning: Callable[[str], None] = _log.warning


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What is known before any network is loaded; all of it was checked."""

    family: Family
    photos: InstancePhotos
    missing_images: list[int]
    old: tuple[Path, ...]
    checkpoint: Path | None


def train(
    settings: TrainSettings, events: TrainEvents | None = None, *, command: str = ""
) -> TrainSummary:
    """Train LoRA adapters or a whole model, and write them in diffusers' format.

    Into ``output_dir`` go ``pytorch_lora_weights.safetensors`` or the parts of a pipeline, the
    settings, versions and coverage of each photo in ``training.json``, losses of each step in
    ``loss.csv``, checkpoints, and validation pictures. All input is checked before anything is
    loaded or written. With the same seed, settings and files, the weights of a run on a CPU are the
    same to the last byte, also of one that was broken off and resumed. ``command`` is told in
    ``training.json``.

    Raises UsageError, MediaError, MaskError or OutputError for what cannot be used, WeightsError
    for a damaged model, and CheckpointError for a damaged checkpoint.
    """
    events = events or TrainEvents()
    inputs = _checked(settings)
    accelerator = _accelerator(settings, inputs.family)
    if settings.allow_tf32:
        torch.set_float32_matmul_precision("high")
    with ExitStack() as stack:
        stack.enter_context(quiet_libraries())
        stack.callback(_forget, accelerator)
        if settings.mixed_precision == "fp16" and accelerator.device.type == "cpu":
            raise _lacks("fp16")
        if accelerator.is_main_process:
            stack.enter_context(output_lock(settings.output_dir, _LOCK))
        else:
            events = TrainEvents(on_warning=lambda _: None)
        accelerator.wait_for_everyone()
        return _trained(settings, inputs, accelerator, events, command)


def _checked(settings: TrainSettings) -> _Inputs:
    """Check all that can be checked in a second, and read the photos."""
    family = check_model_folder(settings.pretrained_model_name_or_path)
    photos = InstancePhotos(
        settings.instance_data_dir,
        masks=settings.masks_dir,
        alpha_mask=settings.alpha_mask,
        skip_empty=settings.skip_empty,
        mask_dilate=settings.mask_dilate,
        resolution=settings.resolution,
        center_crop=settings.center_crop,
        random_flip=settings.random_flip,
    )
    missing = missing_class_images(settings)
    checkpoint = None
    if settings.resume_from_checkpoint is not None:
        checkpoint = find_checkpoint(settings.output_dir, settings.resume_from_checkpoint)
    old = check_output(settings, _read_paths(settings))
    require_extra()
    if settings.use_8bit_adam:
        require_8bit()
    return _Inputs(family, photos, missing, old, checkpoint)


def _read_paths(settings: TrainSettings) -> Iterator[Path]:
    """Yield the files and folders that a run reads."""
    model = settings.pretrained_model_name_or_path
    yield from model.iterdir()
    for folder in (settings.instance_data_dir, settings.masks_dir, settings.class_data_dir):
        if folder is not None:
            yield folder


def _trained(
    settings: TrainSettings,
    inputs: _Inputs,
    accelerator: Any,
    events: TrainEvents,
    command: str,
) -> TrainSummary:
    model = load_model(settings.pretrained_model_name_or_path, variant=settings.variant)
    _warn(settings, model, inputs.photos, events)
    events.on_coverage(inputs.photos.coverage)
    first = accelerator.is_main_process
    if first:
        remove(inputs.old)
    _class_images(model, settings, inputs.missing_images, accelerator, events)
    identity = _identity(settings, accelerator.num_processes)
    if inputs.checkpoint is not None:
        check_identity(inputs.checkpoint, identity)
    trainer = _trainer(model, settings, inputs.photos, accelerator)
    if inputs.checkpoint is not None:
        trainer.restore(load_checkpoint(inputs.checkpoint))
    resumed, last = trainer.step, None
    facts = _facts(settings, model, inputs.photos, identity, command)
    if first:
        write_record(settings.output_dir, facts, _columns(), trainer.losses)
    events.on_start(trainer.step, settings.max_train_steps)
    for last in trainer.steps():
        events.on_step(last)
        if first:
            _keep(trainer, identity)
        if accelerator.num_processes == 1 and events.should_stop():
            if not _checkpoint_due(trainer):
                _save(trainer, identity)
            raise KeyboardInterrupt
    accelerator.wait_for_everyone()
    files: tuple[Path, ...] = ()
    if first:
        files = save_trained(model, trainer.names, settings)
        write_record(
            settings.output_dir,
            facts | {"finished": True, "steps": trainer.step, "files": [f.name for f in files]},
            _columns(),
            trainer.losses,
        )
    accelerator.wait_for_everyone()
    return TrainSummary(
        settings.output_dir, files, trainer.step, resumed, inputs.photos.coverage, last
    )


def _keep(trainer: Trainer, identity: dict[str, Any]) -> None:
    """Write what is due at a step: a checkpoint, and validation pictures, at the end as well."""
    settings, step = trainer.settings, trainer.step
    if _checkpoint_due(trainer):
        _save(trainer, identity)
    due = step % settings.validation_steps == 0 or step == settings.max_train_steps
    if settings.validation_prompts and due:
        with trainer.accelerator.autocast():
            save_validation(trainer.model, settings, step)


def _checkpoint_due(trainer: Trainer) -> bool:
    """Tell whether the step is one that a checkpoint is written at."""
    return trainer.step % trainer.settings.checkpointing_steps == 0


def _save(trainer: Trainer, identity: dict[str, Any]) -> None:
    limit = trainer.settings.checkpoints_total_limit
    save_checkpoint(trainer.settings.output_dir, trainer.state(), identity, limit=limit)


def _class_images(
    model: DiffusionModel,
    settings: TrainSettings,
    missing: list[int],
    accelerator: Any,
    events: TrainEvents,
) -> None:
    """Make the class images that are missing, shared by all processes."""
    if not missing:
        return
    share = missing[accelerator.process_index :: accelerator.num_processes]
    events.on_class_images(len(share))
    for network in (model.vae, *model.networks.values()):
        network.to(accelerator.device)
    with accelerator.autocast():
        make_class_images(model, settings, share, events.on_class_image)
    accelerator.wait_for_everyone()


def _trainer(
    model: DiffusionModel, settings: TrainSettings, photos: InstancePhotos, accelerator: Any
) -> Trainer:
    names = prepare_networks(model, settings, accelerator.device)
    keep, seed = settings.cache_latents, settings.seed
    sources = [CropSource(photos, model.vae, seed, "instance", keep)]
    if settings.class_data_dir is not None:
        others = ClassPhotos(
            settings.class_data_dir,
            resolution=settings.resolution,
            center_crop=settings.center_crop,
            random_flip=settings.random_flip,
        )
        sources.append(CropSource(others, model.vae, seed, "class", keep))
    return Trainer(settings, accelerator, model, names, tuple(sources))


def _identity(settings: TrainSettings, processes: int) -> dict[str, Any]:
    """Return what trained weights depend on: settings, and digests of what is read."""
    chosen = {name: value for name, value in _values(settings).items() if name not in _FREE}
    if settings.lr_scheduler not in _STEADY:
        chosen["max_train_steps"] = settings.max_train_steps
    read = {
        "instance_data_dir": settings.instance_data_dir,
        "masks_dir": settings.masks_dir,
        "class_data_dir": settings.class_data_dir,
        "pretrained_model_name_or_path": settings.pretrained_model_name_or_path,
    }
    digests = {
        name: digest_of_files(sorted(path for path in folder.rglob("*") if path.is_file()))
        for name, folder in read.items()
        if folder is not None
    }
    return chosen | digests | {"num_processes": processes}


def _facts(
    settings: TrainSettings,
    model: DiffusionModel,
    photos: InstancePhotos,
    identity: dict[str, Any],
    command: str,
) -> dict[str, Any]:
    return {
        "finished": False,
        "command": command,
        "versions": versions(),
        "model": {"family": model.family, "prediction_type": model.prediction_type},
        "settings": _values(settings),
        "coverage": {name: round(share, 6) for name, share in photos.coverage.items()},
        "depends_on": identity,
    }


def _values(settings: TrainSettings) -> dict[str, Any]:
    return {one.name: getattr(settings, one.name) for one in fields(TrainSettings)}


def _columns() -> list[str]:
    return [one.name for one in fields(TrainedStep)]


def _warn(
    settings: TrainSettings, model: DiffusionModel, photos: InstancePhotos, events: TrainEvents
) -> None:
    if photos.skipped:
        names = ", ".join(path.name for path in photos.skipped)
        events.on_warning(f"left out, as their masks are empty: {names}")
    if not settings.masked:
        events.on_warning("no masks: everything in the photos is learned, their background too")
    prompts = (settings.instance_prompt, settings.class_prompt, *settings.validation_prompts)
    for prompt in dict.fromkeys(prompts):
        if prompt is not None and too_long(model, prompt):
            events.on_warning(f"the end of a prompt is left out, it is too long: {prompt}")


def _accelerator(settings: TrainSettings, family: Family) -> Any:
    """Return what knows devices and processes; raises UsageError for a precision that they lack."""
    from accelerate import Accelerator

    try:
        return Accelerator(
            gradient_accumulation_steps=settings.gradient_accumulation_steps,
            mixed_precision=settings.mixed_precision,
            kwargs_handlers=[_distribution(settings, family)],
        )
    except ValueError as error:
        raise _lacks(settings.mixed_precision) from error


def _lacks(precision: str) -> UsageError:
    return UsageError(
        param("mixed_precision", precision),
        got="a device that does not train in it",
        expected="a precision of the device: fp16 needs a GPU",
        remedy=f"use {param('mixed_precision', 'no')}",
    )


def _distribution(settings: TrainSettings, family: Family) -> Any:
    """Return how several devices share gradients.

    SDXL takes the last but one hidden state of its first text encoder, whose last layer has none.
    """
    from accelerate import DistributedDataParallelKwargs

    unused = settings.train_text_encoder and family == "sdxl"
    return DistributedDataParallelKwargs(find_unused_parameters=unused)


def _forget(accelerator: Any) -> None:
    """Let the next run in this process choose its own precision and devices."""
    from accelerate.state import AcceleratorState, GradientState

    accelerator.free_memory()
    accelerator.end_training()
    AcceleratorState._reset_state()
    GradientState._reset_state()
