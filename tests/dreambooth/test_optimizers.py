"""The optimiser and the learning rate are those of diffusers' script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from train_settings import small_run

from persam_vos.dreambooth.optimizers import make_optimizer, make_schedule


def optimizer(processes: int = 1, **changes: Any) -> torch.optim.Optimizer:
    settings = small_run(Path("model"), Path("a/photos"), Path("out"), **changes)
    return make_optimizer([torch.nn.Parameter(torch.ones(2))], settings, processes=processes)


def test_adam_gets_its_settings() -> None:
    (group,) = optimizer(adam_beta1=0.5, adam_weight_decay=0.25, adam_epsilon=1e-3).param_groups
    assert (group["lr"], group["betas"]) == (1e-4, (0.5, 0.999))
    assert (group["weight_decay"], group["eps"]) == (0.25, 1e-3)


def test_the_rate_is_scaled_by_all_photos_of_a_step() -> None:
    scaled: dict[str, Any] = {"scale_lr": True, "learning_rate": 0.5}
    made = optimizer(2, **scaled, train_batch_size=3, gradient_accumulation_steps=4)
    assert made.param_groups[0]["lr"] == pytest.approx(0.5 * 2 * 3 * 4)


def test_the_rate_rises_in_the_warm_up_and_falls_to_the_end() -> None:
    changes: dict[str, Any] = {"lr_scheduler": "linear", "lr_warmup_steps": 2, "learning_rate": 1.0}
    made = optimizer(**changes)
    settings = small_run(Path("m"), Path("a/photos"), Path("o"), max_train_steps=6, **changes)
    schedule, rates = make_schedule(made, settings), []
    for _ in range(6):
        rates.append(schedule.get_last_lr()[0])
        made.step()
        schedule.step()
    assert rates == [0.0, 0.5, 1.0, 0.75, 0.5, 0.25]
