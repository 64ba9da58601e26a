"""What a run is asked to do is checked when it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from persam_vos.dreambooth.settings import TrainSettings
from persam_vos.errors import UsageError


def settings(**changes: Any) -> TrainSettings:
    given: dict[str, Any] = {
        "pretrained_model_name_or_path": Path("model"),
        "instance_data_dir": Path("photos"),
        "instance_prompt": "a photo of sks dog",
        "masks_dir": Path("masks"),
    }
    return TrainSettings(**given | changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"tune": "some"}, "tune"),
        ({"mask_normalize": "size"}, "mask_normalize"),
        ({"mixed_precision": "fp8"}, "mixed_precision"),
        ({"lr_scheduler": "steep"}, "lr_scheduler"),
        ({"resolution": 36}, "resolution"),
        ({"resolution": 8}, "resolution"),
        ({"unmasked_weight": 1.1}, "unmasked_weight"),
        ({"unmasked_weight": float("nan")}, "unmasked_weight"),
        ({"mask_dilate": -1}, "mask_dilate"),
        ({"max_train_steps": 0}, "max_train_steps"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"snr_gamma": 0.0}, "snr_gamma"),
        ({"adam_beta1": 2.0}, "adam_beta1"),
        ({"alpha_mask": True}, "masks_dir"),
        ({"masks_dir": None, "unmasked_weight": 0.5}, "unmasked_weight"),
        ({"masks_dir": None, "mask_dilate": 3}, "mask_dilate"),
        ({"with_prior_preservation": True, "class_prompt": "a dog"}, "with_prior_preservation"),
        ({"with_prior_preservation": True, "class_data_dir": Path("c")}, "with_prior_preservation"),
        ({"class_prompt": "a dog"}, "class_prompt"),
        ({"class_data_dir": Path("c")}, "class_data_dir"),
        ({"output_dir": Path("photos/out")}, "output_dir"),
        ({"masks_dir": Path("photos")}, "masks_dir"),
        ({"cache_latents": True}, "cache_latents"),
        ({"cache_latents": True, "center_crop": True, "random_flip": True}, "cache_latents"),
        ({"validation_plain_prompt": "a dog"}, "validation_plain_prompt"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings(**changes)
    assert str(caught.value).startswith(named)
    assert caught.value.exit_code == 2


def test_the_learning_rate_follows_what_is_trained() -> None:
    assert settings().rate == 1e-4
    assert settings(tune="full").rate == 5e-6
    assert settings(tune="full", learning_rate=0.25).rate == 0.25


def test_masks_count_from_a_folder_or_from_alpha() -> None:
    assert settings().masked
    assert settings(masks_dir=None, alpha_mask=True).masked
    assert not settings(masks_dir=None).masked


def test_validation_compares_prompts_without_and_with_background_words() -> None:
    assert settings().validation_prompts == ()
    moon = settings(validation_prompt="sks dog on the moon")
    assert moon.validation_prompts == ("a photo of sks dog", "sks dog on the moon")
    plain = settings(validation_prompt="on the moon", validation_plain_prompt="sks dog")
    assert plain.validation_prompts == ("sks dog", "on the moon")
