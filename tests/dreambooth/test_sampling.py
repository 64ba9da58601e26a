"""Pictures of prompts are those of diffusers' pipelines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from persam_vos.dreambooth.models import load_model, make_pipeline
from persam_vos.dreambooth.sampling import as_image, sample_pictures

PROMPTS = ["a dog", "a cat", "a bird"]


def generators() -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(len(PROMPTS))]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("family", ["sd", "sdxl"])
def test_pictures_are_the_pipelines(family: str, tiny_sd: Path, tiny_sdxl: Path) -> None:
    model = load_model(tiny_sd if family == "sd" else tiny_sdxl)
    ours = sample_pictures(model, PROMPTS, generators(), side=32, steps=2)
    pipeline = make_pipeline(model)
    theirs = pipeline(
        PROMPTS,
        generator=generators(),
        height=32,
        width=32,
        num_inference_steps=2,
        output_type="np",
    ).images
    assert ours.shape == (3, 32, 32, 3)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_picture_does_not_depend_on_its_batch_and_modes_stay(tiny_sd: Path) -> None:
    model = load_model(tiny_sd)
    model.unet.train()
    together = sample_pictures(model, PROMPTS, generators(), side=32, steps=2)
    apart = sample_pictures(model, PROMPTS, generators(), side=32, steps=2, batch_size=1)
    np.testing.assert_allclose(together, apart, atol=1e-5)
    assert model.unet.training and not model.text_encoders[0].training


def test_pictures_are_rounded_to_8_bits() -> None:
    levels = np.array([[[0.0, 0.5, 1.0]]], dtype=np.float32)
    assert as_image(levels).tolist() == [[[0, 128, 255]]]
