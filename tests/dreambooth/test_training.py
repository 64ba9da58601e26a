"""Runs from photos to files that diffusers loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lora_loading import load_adapters
from PIL import Image
from safetensors.torch import load_file
from subject_photos import write_photos
from train_settings import PROMPT, small_run

from persam_vos.dreambooth.extra import quiet_libraries
from persam_vos.dreambooth.lora import LORA_FILE
from persam_vos.dreambooth.models import load_model
from persam_vos.dreambooth.sampling import sample_pictures
from persam_vos.dreambooth.settings import TrainSettings
from persam_vos.dreambooth.trainer import TrainedStep
from persam_vos.dreambooth.training import TrainEvents, train
from persam_vos.errors import OutputError, PersamVosError, UsageError


def content(folder: Path) -> dict[str, bytes]:
    """Return what was trained, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix == ".safetensors" or path.name == "loss.csv"
    }


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_two_steps_write_adapters_that_diffusers_loads(
    tiny_sd: Path, photos: Path, tmp_path: Path
) -> None:
    steps: list[TrainedStep] = []
    settings = small_run(tiny_sd, photos, tmp_path / "out", learning_rate=1e-2)
    summary = train(settings, TrainEvents(on_step=steps.append), command="as typed")
    assert summary.files == (tmp_path / "out" / LORA_FILE,)
    keys = load_file(summary.files[0])
    assert all(key.startswith("unet.") and "lora" in key for key in keys)
    assert [one.step for one in steps] == [1, 2] and summary.last == steps[-1]
    model = load_model(tiny_sd)
    plain = sample_pictures(model, [PROMPT], [torch.Generator().manual_seed(0)], side=32, steps=2)
    load_adapters(model, tmp_path / "out")
    ours = sample_pictures(model, [PROMPT], [torch.Generator().manual_seed(0)], side=32, steps=2)
    assert not np.array_equal(plain, ours)
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["finished"] and record["command"] == "as typed"
    assert record["coverage"] == {f"{n}.png": 0.25 for n in range(3)} == summary.coverage
    assert record["settings"]["instance_prompt"] == PROMPT
    assert record["versions"]["diffusers"]
    assert len((tmp_path / "out" / "loss.csv").read_text().splitlines()) == 3


@pytest.mark.slow
def test_validation_pictures_are_those_of_the_reloaded_adapters(
    tiny_sdxl: Path, photos: Path, tmp_path: Path
) -> None:
    settings = small_run(
        tiny_sdxl,
        photos,
        tmp_path,
        learning_rate=1e-1,
        train_text_encoder=True,
        validation_prompt="a photo of sks dog on the moon",
        num_validation_images=1,
    )
    train(settings)
    from persam_vos.dreambooth.validation import validation_sheet

    model = load_model(tiny_sdxl)
    load_adapters(model, tmp_path)
    shown = np.asarray(Image.open(tmp_path / "validation" / "step-000002.png")).astype(int)
    assert np.abs(validation_sheet(model, settings) - shown).max() <= 1
    assert np.abs(validation_sheet(load_model(tiny_sdxl), settings) - shown).max() > 1


@pytest.mark.slow
def test_full_training_writes_a_pipeline(tiny_sd: Path, photos: Path, tmp_path: Path) -> None:
    settings = small_run(tiny_sd, photos, tmp_path, tune="full", train_text_encoder=True)
    train(settings)
    from diffusers import StableDiffusionPipeline

    with quiet_libraries():
        pipeline = StableDiffusionPipeline.from_pretrained(tmp_path, local_files_only=True)
    base = load_model(tiny_sd)
    for ours, before in (
        (pipeline.unet, base.unet),
        (pipeline.text_encoder, base.text_encoders[0]),
    ):
        changed = [
            not torch.equal(one, other)
            for one, other in zip(ours.parameters(), before.parameters(), strict=True)
        ]
        assert any(changed)
    assert (tmp_path / "scheduler" / "scheduler_config.json").is_file()
    # The scheduler that the model came with, not the one of training or of validation.
    assert type(pipeline.scheduler).__name__ == "DDPMScheduler"


RESUMED: dict[str, dict[str, Any]] = {
    "adapters": {"lora_dropout": 0.2, "lr_scheduler": "cosine", "checkpoints_total_limit": 1},
    "sdxl": {"train_text_encoder": True, "gradient_accumulation_steps": 2, "random_flip": True},
    "full": {"tune": "full", "cache_latents": True, "center_crop": True, "snr_gamma": 5.0},
    "prior": {"with_prior_preservation": True, "train_batch_size": 2, "offset_noise": True},
}


@pytest.mark.parametrize(
    "kind",
    [
        "adapters",
        *(pytest.param(one, marks=pytest.mark.slow) for one in RESUMED if one != "adapters"),
    ],
)
def test_a_resumed_run_ends_with_the_same_bytes(
    kind: str, tiny_sd: Path, tiny_sdxl: Path, photos: Path, tmp_path: Path
) -> None:
    changes = RESUMED[kind] | {"max_train_steps": 5, "learning_rate": 1e-2}
    if kind == "prior":
        changes |= {"class_data_dir": tmp_path / "class", "class_prompt": "a dog"}
        changes |= {"num_class_images": 3}
    model = tiny_sdxl if kind == "sdxl" else tiny_sd

    def settings(output: str, **more: Any) -> TrainSettings:
        return small_run(model, photos, tmp_path / output, **changes | more)

    train(settings("whole"))

    class Killed(Exception):
        pass

    def kill(step: TrainedStep) -> None:
        if step.step == 4:
            raise Killed

    with pytest.raises(Killed):
        train(settings("broken", checkpointing_steps=3), TrainEvents(on_step=kill))
    assert not (tmp_path / "broken" / LORA_FILE).exists()
    torch.manual_seed(1234)  # what the process drew before has no part in it
    summary = train(settings("broken", checkpointing_steps=3, resume_from_checkpoint="latest"))
    assert summary.resumed_from == 3 and summary.steps == 5
    whole, broken = content(tmp_path / "whole"), content(tmp_path / "broken")
    assert whole and whole == broken


def test_a_run_that_is_to_stop_saves_where_it_is(
    tiny_sd: Path, photos: Path, tmp_path: Path
) -> None:
    train(small_run(tiny_sd, photos, tmp_path / "whole", max_train_steps=3))
    done: list[TrainedStep] = []
    events = TrainEvents(on_step=done.append, should_stop=lambda: len(done) == 2)
    with pytest.raises(KeyboardInterrupt):
        train(small_run(tiny_sd, photos, tmp_path / "out", max_train_steps=3), events)
    again = {"max_train_steps": 3, "resume_from_checkpoint": "latest"}
    assert train(small_run(tiny_sd, photos, tmp_path / "out", **again)).resumed_from == 2
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@pytest.mark.slow
def test_latest_begins_anew_where_there_is_nothing(
    tiny_sd: Path, photos: Path, tmp_path: Path
) -> None:
    train(small_run(tiny_sd, photos, tmp_path / "one"))
    summary = train(small_run(tiny_sd, photos, tmp_path / "two", resume_from_checkpoint="latest"))
    assert summary.resumed_from == 0
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_other_settings_and_photos_are_not_resumed(
    tiny_sd: Path, photos: Path, tmp_path: Path
) -> None:
    train(small_run(tiny_sd, photos, tmp_path / "out", checkpointing_steps=1))
    before = content(tmp_path / "out")
    others = write_photos(tmp_path / "others", 2)
    changed: list[tuple[Path, dict[str, Any], str]] = [
        (photos, {"unmasked_weight": 0.5}, "unmasked_weight 0.0 instead of 0.5"),
        (others, {}, "instance_data_dir"),
    ]
    for folder, changes, named in changed:
        run = small_run(
            tiny_sd, folder, tmp_path / "out", resume_from_checkpoint="latest", **changes
        )
        with pytest.raises(UsageError, match=named):
            train(run)
    assert content(tmp_path / "out") == before


@pytest.mark.slow
def test_results_are_replaced_only_when_asked(tiny_sd: Path, photos: Path, tmp_path: Path) -> None:
    train(small_run(tiny_sd, photos, tmp_path, checkpointing_steps=1))
    before = content(tmp_path)
    with pytest.raises(OutputError, match="overwrite=True"):
        train(small_run(tiny_sd, photos, tmp_path, seed=1))
    assert content(tmp_path) == before
    train(small_run(tiny_sd, photos, tmp_path, seed=1, overwrite=True))
    assert content(tmp_path) != before
    assert not (tmp_path / "checkpoint-1").exists()


def test_missing_class_images_are_made_before_training(
    tiny_sd: Path, photos: Path, tmp_path: Path
) -> None:
    made: list[Any] = []
    settings = small_run(
        tiny_sd,
        photos,
        tmp_path / "out",
        with_prior_preservation=True,
        class_data_dir=tmp_path / "class",
        class_prompt="a dog",
        num_class_images=2,
    )
    events = TrainEvents(on_class_images=made.append, on_class_image=lambda: made.append("one"))
    train(settings, events)
    assert made == [2, "one", "one"]
    assert len(list((tmp_path / "class").iterdir())) == 2


@pytest.mark.slow
def test_the_subject_is_learned_better_than_without_masks(tiny_sd: Path, tmp_path: Path) -> None:
    """On a background of noise; both runs see the same crops, noise and timesteps.

    The batch of 8 matters, see `benchmarks/dreambooth_batch.py`: alone, photos gain nothing.
    """
    photos = write_photos(tmp_path / "one", 1)
    inside = []
    for unmasked_weight in (0.0, 1.0):
        steps: list[TrainedStep] = []
        settings = small_run(
            tiny_sd,
            photos,
            tmp_path / f"out{unmasked_weight}",
            unmasked_weight=unmasked_weight,
            tune="full",
            learning_rate=5e-3,
            max_train_steps=40,
            train_batch_size=8,
            center_crop=True,
            cache_latents=True,
        )
        train(settings, TrainEvents(on_step=steps.append))
        inside.append([one.inside for one in steps])
    masked, plain = (np.mean(errors[-10:]) for errors in inside)
    assert inside[0][0] == pytest.approx(inside[1][0])
    assert masked < 0.95 * plain  # 0.88 to 0.91 of it with five seeds
    assert masked < 0.6 * inside[0][0]


def test_without_masks_a_run_warns(tiny_sd: Path, photos: Path, tmp_path: Path) -> None:
    told: list[str] = []
    settings = small_run(
        tiny_sd, photos, tmp_path, masks_dir=None, max_train_steps=1, instance_prompt="x" * 90
    )
    train(settings, TrainEvents(on_warning=told.append))
    assert "no masks" in told[0] and "too long" in told[1]


def test_photos_with_empty_masks_are_left_out_when_asked(tiny_sd: Path, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "subject")
    Image.new("L", (48, 40)).save(photos.parent / "masks" / "1.png")
    told: list[str] = []
    settings = small_run(tiny_sd, photos, tmp_path / "out", skip_empty=True)
    summary = train(settings, TrainEvents(on_warning=told.append))
    assert list(summary.coverage) == ["0.png", "2.png"]
    assert told == ["left out, as their masks are empty: 1.png"]


def test_a_precision_that_the_device_lacks_is_one_line(
    tiny_sd: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    with pytest.raises(UsageError, match="mixed_precision='fp16'"):
        train(small_run(tiny_sd, photos, tmp_path / "out", mixed_precision="fp16"))
    assert not (tmp_path / "out").exists()
    train(small_run(tiny_sd, photos, tmp_path / "out", max_train_steps=1))


@pytest.mark.parametrize("broken", ["empty", "missing", "size", "text", "model"])
def test_bad_input_writes_nothing(broken: str, tiny_sd: Path, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "subject")
    mask = photos.parent / "masks" / "1.png"
    model = tiny_sd
    if broken == "empty":
        Image.new("L", (48, 40)).save(mask)
    elif broken == "missing":
        mask.unlink()
    elif broken == "size":
        Image.new("L", (40, 40), 255).save(mask)
    elif broken == "text":
        (photos / "caption.txt").write_text("a dog")
    else:
        model = tmp_path / "none"
    before = everything(tmp_path)
    settings = small_run(
        model,
        photos,
        tmp_path / "out",
        with_prior_preservation=True,
        class_data_dir=tmp_path / "class",
        class_prompt="a dog",
    )
    with pytest.raises(PersamVosError) as caught:
        train(settings)
    assert caught.value.exit_code == 2
    assert {"text": "caption.txt", "model": "none"}.get(broken, "1.png") in str(caught.value)
    assert everything(tmp_path) == before
