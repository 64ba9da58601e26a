"""The loop of training: batches, gradients, the optimiser, on one device or several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from typing import Any

import torch

from .caches import CropSource
from .checkpoints import TrainingState
from .denoising import StepLoss, step_loss
from .lora import add_adapters
from .models import DiffusionModel
from .optimizers import make_optimizer, make_schedule
from .seeds import generator, mixed_seed
from .settings import TrainSettings
from .text import PromptEmbedding, encode_prompts

_WEIGHT_DTYPES = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class TrainedStep:
    """What a step told; produced by `Trainer.steps`.

    ``step`` counts from 1. ``loss`` is what was minimised; ``inside`` and ``outside`` are the mean
    squared errors within the masks and beyond them, NaN where there is no such place; ``rate`` is
    the learning rate of the step.
    """

    step: int
    loss: float
    inside: float
    outside: float
    rate: float


def trained_names(model: DiffusionModel, settings: TrainSettings) -> tuple[str, ...]:
    """Return which of the model's networks are trained."""
    return ("unet", *(model.text_encoder_names if settings.train_text_encoder else ()))


def prepare_networks(
    model: DiffusionModel, settings: TrainSettings, device: torch.device
) -> tuple[str, ...]:
    """Move a model to a device and make what is trained trainable; return the networks' names.

    Frozen networks, and those that get adapters, take half the memory with mixed precision; the
    autoencoder stays in float32, since SDXL's overflows in float16, and so does all that is
    trained. torch's global generator is seeded, for the start of the adapters.
    """
    names = trained_names(model, settings)
    half = _WEIGHT_DTYPES[settings.mixed_precision]
    model.vae.to(device, torch.float32)
    for name, network in model.networks.items():
        keeps = settings.tune == "full" and name in names
        network.to(device, torch.float32 if keeps else half)
        network.requires_grad_(keeps)
        network.eval()
    if settings.tune == "lora":
        torch.manual_seed(mixed_seed(settings.seed, "adapters"))
        add_adapters(model, names, rank=settings.rank, dropout=settings.lora_dropout)
    for name in names:
        model.networks[name].to(device).train()
    if settings.gradient_checkpointing:
        _save_memory(model, names)
    return names


def _save_memory(model: DiffusionModel, names: tuple[str, ...]) -> None:
    """Have activations of networks computed again in the backward pass."""
    model.unet.enable_gradient_checkpointing()
    for name in names[1:]:
        model.networks[name].gradient_checkpointing_enable(
            gradient_checkpointing_kwargs={"use_reentrant": False}
        )


@dataclass(slots=True)
class Trainer:
    """Trains networks that `prepare_networks` made trainable.

    ``sources`` are the instance photos, and the class images if priors are preserved. After a step
    ``losses`` has a row of the values of each `TrainedStep`.
    """

    settings: TrainSettings
    accelerator: Any
    model: DiffusionModel
    names: tuple[str, ...]
    sources: tuple[CropSource, ...]
    step: int = 0
    losses: list[list[float]] = field(default_factory=list)
    _wrapped: dict[str, torch.nn.Module] = field(init=False)
    _optimizer: Any = field(init=False)
    _schedule: Any = field(init=False)
    _text: PromptEmbedding | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        networks = [self.model.networks[name] for name in self.names]
        parameters = [one for each in networks for one in each.parameters() if one.requires_grad]
        optimizer = make_optimizer(
            parameters, self.settings, processes=self.accelerator.num_processes
        )
        self._schedule = make_schedule(optimizer, self.settings)
        *wrapped, self._optimizer = self.accelerator.prepare(*networks, optimizer)
        self._wrapped = dict(zip(self.names, wrapped, strict=True))

    def steps(self) -> Iterator[TrainedStep]:
        """Train up to ``max_train_steps``, and yield after each step of the optimiser."""
        while self.step < self.settings.max_train_steps:
            rate = self._schedule.get_last_lr()[0]
            told = [self._micro_step(one) for one in range(self._micro_steps)]
            self.step += 1
            means = self.accelerator.gather(torch.stack(told)[None]).flatten(0, 1).nanmean(dim=0)
            loss, inside, outside = means.tolist()
            done = TrainedStep(self.step, loss, inside, outside, rate)
            self.losses.append(list(astuple(done)))
            yield done

    def state(self) -> TrainingState:
        """Return where training is; tensors are not copied."""
        scaler = self.accelerator.scaler
        return TrainingState(
            step=self.step,
            weights={name: self._trainable(name) for name in self.names},
            optimizer=self._optimizer.state_dict(),
            schedule=self._schedule.state_dict(),
            scaler=None if scaler is None else scaler.state_dict(),
            losses=self.losses,
        )

    def restore(self, state: TrainingState) -> None:
        """Go on from a state of a run with the same settings."""
        for name in self.names:
            saved = state.weights[name]
            with torch.no_grad():
                for key, parameter in self._trainable(name).items():
                    parameter.copy_(saved[key])
        self._optimizer.load_state_dict(state.optimizer)
        self._schedule.load_state_dict(state.schedule)
        if state.scaler is not None:
            self.accelerator.scaler.load_state_dict(state.scaler)
        self.step, self.losses = state.step, [list(row) for row in state.losses]

    def _trainable(self, name: str) -> dict[str, torch.Tensor]:
        parameters = self.model.networks[name].named_parameters()
        return {key: one.detach() for key, one in parameters if one.requires_grad}

    @property
    def _micro_steps(self) -> int:
        return self.settings.gradient_accumulation_steps

    def _micro_step(self, micro: int) -> torch.Tensor:
        """Add the gradients of a batch, and step with the last one; return its three losses."""
        settings, accelerator = self.settings, self.accelerator
        turn = self.step * self._micro_steps + micro
        process = accelerator.process_index
        if settings.lora_dropout:
            torch.manual_seed(mixed_seed(settings.seed, "dropout", turn, process))
        first = (turn * accelerator.num_processes + process) * settings.train_batch_size
        numbers = range(first, first + settings.train_batch_size)
        with accelerator.accumulate(*self._wrapped.values()):
            loss = step_loss(
                self.model,
                self._wrapped["unet"],
                [crop for source in self.sources for crop in source.take(numbers)],
                self._prompts(),
                settings,
                generator(settings.seed, "noise", turn, process),
            )
            accelerator.backward(loss.total)
            if accelerator.sync_gradients and settings.max_grad_norm:
                parameters = [one for each in self._wrapped.values() for one in each.parameters()]
                accelerator.clip_grad_norm_(parameters, settings.max_grad_norm)
            self._optimizer.step()
            if accelerator.sync_gradients and not accelerator.optimizer_step_was_skipped:
                self._schedule.step()
            self._optimizer.zero_grad()
        return _told(loss)

    def _prompts(self) -> PromptEmbedding:
        """Return the prompts of a batch: encoded once, unless text encoders are trained."""
        if self._text is not None:
            return self._text
        settings = self.settings
        prompts = [settings.instance_prompt]
        if settings.with_prior_preservation:
            prompts.append(settings.class_prompt or "")
        encoders = [
            self._wrapped.get(name, self.model.networks[name])
            for name in self.model.text_encoder_names
        ]
        with torch.set_grad_enabled(settings.train_text_encoder):
            text = encode_prompts(self.model, prompts, encoders).repeated(settings.train_batch_size)
        if not settings.train_text_encoder:
            self._text = text
        return text


def _told(loss: StepLoss) -> torch.Tensor:
    return torch.stack([loss.total.detach().float(), loss.inside, loss.outside])
