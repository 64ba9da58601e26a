"""Models are read from folders, and what cannot be trained is refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from tiny_diffusion import save_tiny_sd, tiny_unet

from persam_vos.dreambooth.extra import quiet_libraries
from persam_vos.dreambooth.models import check_model_folder, load_model
from persam_vos.errors import UsageError, WeightsError


def test_all_parts_are_loaded_frozen_and_in_float32(tiny_sd: Path, tiny_sdxl: Path) -> None:
    small, large = load_model(tiny_sd), load_model(tiny_sdxl)
    assert (small.family, large.family) == ("sd", "sdxl")
    assert list(small.networks) == ["unet", "text_encoder"]
    assert list(large.networks) == ["unet", "text_encoder", "text_encoder_2"]
    for model in (small, large):
        for network in (model.vae, *model.networks.values()):
            parameters = list(network.parameters())
            assert not any(one.requires_grad for one in parameters)
            assert {one.dtype for one in parameters} == {torch.float32}


def test_the_schedule_says_what_is_predicted(tmp_path: Path) -> None:
    with quiet_libraries():
        folder = save_tiny_sd(tmp_path, prediction_type="v_prediction")
    assert load_model(folder).prediction_type == "v_prediction"


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (None, "a folder without model_index.json"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"_class_name": "FluxPipeline"}', "a FluxPipeline"),
    ],
)
def test_other_folders_are_refused(tmp_path: Path, content: str | None, got: str) -> None:
    if content is not None:
        (tmp_path / "model_index.json").write_text(content)
    with pytest.raises(UsageError, match=got):
        check_model_folder(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        check_model_folder(tmp_path / "none")


def test_a_model_for_inpainting_is_refused(tiny_sd: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_sd, tmp_path / "model")
    with quiet_libraries():
        tiny_unet(in_channels=9).save_pretrained(folder / "unet")  # type: ignore[operator]
    with pytest.raises(UsageError, match="9 input channels for latents of 4"):
        load_model(folder)


def test_a_model_that_predicts_samples_is_refused(tiny_sd: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_sd, tmp_path / "model")
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"prediction_type": "sample"}))
    with pytest.raises(UsageError, match="predicts sample"):
        load_model(folder)


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_missing_and_damaged_weights_are_one_line(
    tiny_sd: Path, tmp_path: Path, content: bytes | None
) -> None:
    folder = shutil.copytree(tiny_sd, tmp_path / "model")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.unlink()
    if content is not None:
        weights.write_bytes(content)
    with pytest.raises(WeightsError, match="all parts of the pipeline"):
        load_model(folder)


def test_pickled_weights_are_not_read(tiny_sd: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_sd, tmp_path / "model")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_model(tiny_sd).unet.state_dict(), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(WeightsError):
        load_model(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", "{}"])
def test_a_damaged_index_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "model_index.json").write_text(text)
    with pytest.raises(UsageError, match=r"a model_index\.json that cannot be read"):
        check_model_folder(tmp_path)
