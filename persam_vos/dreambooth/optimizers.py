"""The optimiser of a run and its learning rate, by diffusers' names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from .settings import TrainSettings


def make_optimizer(
    parameters: Iterable[torch.nn.Parameter], settings: TrainSettings, *, processes: int = 1
) -> torch.optim.Optimizer:
    """Return AdamW over parameters, or bitsandbytes' 8-bit one.

    With `scale_lr` the rate is multiplied by the number of photos in a step, of all ``processes``.
    """
    kind: Any = torch.optim.AdamW
    if settings.use_8bit_adam:
        from bitsandbytes.optim import AdamW8bit

        kind = AdamW8bit
    scale = settings.gradient_accumulation_steps * settings.train_batch_size * processes
    made: torch.optim.Optimizer = kind(
        parameters,
        lr=settings.rate * (scale if settings.scale_lr else 1),
        betas=(settings.adam_beta1, settings.adam_beta2),
        weight_decay=settings.adam_weight_decay,
        eps=settings.adam_epsilon,
    )
    return made


def make_schedule(
    optimizer: torch.optim.Optimizer, settings: TrainSettings
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the schedule of the learning rate, which goes on by one with each optimiser's step."""
    from diffusers.optimization import get_scheduler

    made: torch.optim.lr_scheduler.LRScheduler = get_scheduler(
        settings.lr_scheduler,
        optimizer=optimizer,
        num_warmup_steps=settings.lr_warmup_steps,
        num_training_steps=settings.max_train_steps,
        num_cycles=settings.lr_num_cycles,
        power=settings.lr_power,
    )
    return made
