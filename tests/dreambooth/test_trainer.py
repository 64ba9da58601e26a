"""Only what is to be trained moves, and memory is saved without a trace in the weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from train_settings import small_run

from persam_vos.dreambooth.caches import CropSource
from persam_vos.dreambooth.extra import quiet_libraries
from persam_vos.dreambooth.models import DiffusionModel, load_model
from persam_vos.dreambooth.photos import InstancePhotos
from persam_vos.dreambooth.settings import TrainSettings
from persam_vos.dreambooth.trainer import Trainer, prepare_networks


@pytest.fixture(autouse=True)
def states() -> Iterator[None]:
    """Accelerators of a process share a state, which belongs to one run."""
    with quiet_libraries():
        yield
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def new_trainer(settings: TrainSettings) -> Trainer:
    from accelerate import Accelerator

    accelerator = Accelerator(
        cpu=True,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        mixed_precision=settings.mixed_precision,
    )
    model = load_model(settings.pretrained_model_name_or_path)
    names = prepare_networks(model, settings, accelerator.device)
    instance = InstancePhotos(
        settings.instance_data_dir, masks=settings.masks_dir, resolution=settings.resolution
    )
    source = CropSource(instance, model.vae, seed=settings.seed, purpose="instance")
    return Trainer(settings, accelerator, model, names, (source,))


def weights(model: DiffusionModel) -> dict[str, torch.Tensor]:
    networks = {"vae": model.vae, **model.networks}
    return {
        f"{name}.{key}": value.clone()
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }


def moved(trainer: Trainer) -> set[str]:
    """Train, and return the names of the weights that changed."""
    before = weights(trainer.model)
    list(trainer.steps())
    after = weights(trainer.model)
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


@pytest.mark.parametrize("family", ["sd", "sdxl"])
@pytest.mark.parametrize("text", [False, True])
def test_only_adapters_move(
    family: str, text: bool, tiny_sd: Path, tiny_sdxl: Path, photos: Path
) -> None:
    folder = tiny_sd if family == "sd" else tiny_sdxl
    run = small_run(folder, photos, Path("out"), train_text_encoder=text, learning_rate=1e-2)
    changed = moved(new_trainer(run))
    assert changed and all(".lora_" in name for name in changed)
    encoders = ["text_encoder", "text_encoder_2"][: 2 if family == "sdxl" else 1]
    assert {name.split(".")[0] for name in changed} == {"unet", *(encoders if text else ())}


def test_full_training_moves_the_unet_and_nothing_else(tiny_sd: Path, photos: Path) -> None:
    run = small_run(tiny_sd, photos, Path("out"), tune="full", learning_rate=1e-2)
    trainer = new_trainer(run)
    changed = moved(trainer)
    assert {name.split(".")[0] for name in changed} == {"unet"}
    assert len(changed) > 0.9 * len(trainer.model.unet.state_dict())


def test_the_rate_of_a_step_is_told_with_its_losses(tiny_sd: Path, photos: Path) -> None:
    run = small_run(
        tiny_sd, photos, Path("out"), lr_scheduler="linear", learning_rate=1.0, max_train_steps=4
    )
    trainer = new_trainer(run)
    told = list(trainer.steps())
    assert [one.step for one in told] == [1, 2, 3, 4]
    assert [one.rate for one in told] == [1.0, 0.75, 0.5, 0.25]
    assert all(one.loss == one.inside != one.outside > 0 for one in told)
    assert trainer.losses[2] == [3, told[2].loss, told[2].inside, told[2].outside, 0.5]


@pytest.mark.slow
def test_checkpointed_gradients_are_the_same(tiny_sd: Path, photos: Path) -> None:
    changes: dict[str, Any] = {"train_text_encoder": True, "learning_rate": 1e-2}
    ended = []
    for saves in (False, True):
        run = small_run(tiny_sd, photos, Path("out"), gradient_checkpointing=saves, **changes)
        trainer = new_trainer(run)
        list(trainer.steps())
        ended.append(trainer.state().weights)
    for name, plain in ended[0].items():
        for key, value in plain.items():
            torch.testing.assert_close(ended[1][name][key], value)


def test_accumulated_batches_are_one_step_of_their_mean(
    tiny_sd: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients that no optimiser took, of two batches in one step and of two steps."""
    gradients = []
    for batches, steps in ((2, 1), (1, 2)):
        run = small_run(
            tiny_sd,
            photos,
            Path("out"),
            gradient_accumulation_steps=batches,
            max_train_steps=steps,
            max_grad_norm=0.0,
        )
        trainer = new_trainer(run)
        for part, method in (
            ("_optimizer", "step"),
            ("_optimizer", "zero_grad"),
            ("_schedule", "step"),
        ):
            monkeypatch.setattr(getattr(trainer, part), method, lambda: None)
        assert len(list(trainer.steps())) == steps
        grown = (one.grad for one in trainer.model.unet.parameters())
        gradients.append([one for one in grown if one is not None])
    assert gradients[0]
    for accumulated, added in zip(*gradients, strict=True):
        torch.testing.assert_close(accumulated, added / 2)


def test_bfloat16_halves_what_is_frozen_alone(tiny_sd: Path, photos: Path) -> None:
    run = small_run(tiny_sd, photos, Path("out"), mixed_precision="bf16")
    trainer = new_trainer(run)
    (told, *_) = list(trainer.steps())
    kinds = {one.requires_grad: one.dtype for one in trainer.model.unet.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}
    assert next(trainer.model.vae.parameters()).dtype == torch.float32
    assert 0.5 < told.loss < 2
