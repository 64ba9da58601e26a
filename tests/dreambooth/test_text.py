"""Prompts reach the UNet as the pipelines of diffusers encode them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from train_settings import PROMPT

from persam_vos.dreambooth.models import load_model, make_pipeline
from persam_vos.dreambooth.text import encode_prompts, size_conditions, too_long


@pytest.mark.usefixtures("quiet")
def test_prompts_are_encoded_as_by_stable_diffusion(tiny_sd: Path) -> None:
    model = load_model(tiny_sd)
    text = encode_prompts(model, [PROMPT, "a dog"])
    theirs, _ = make_pipeline(model).encode_prompt([PROMPT, "a dog"], "cpu", 1, False)
    assert torch.equal(text.tokens, theirs)
    assert text.pooled is None


@pytest.mark.usefixtures("quiet")
def test_prompts_are_encoded_as_by_sdxl(tiny_sdxl: Path) -> None:
    model = load_model(tiny_sdxl)
    text = encode_prompts(model, [PROMPT, "a dog"])
    tokens, _, pooled, _ = make_pipeline(model).encode_prompt(
        [PROMPT, "a dog"], device="cpu", do_classifier_free_guidance=False
    )
    assert torch.equal(text.tokens, tokens)
    assert text.pooled is not None and torch.equal(text.pooled, pooled)


def test_prompts_are_repeated_one_after_the_other(tiny_sdxl: Path) -> None:
    text = encode_prompts(load_model(tiny_sdxl), [PROMPT, "a dog"])
    twice = text.repeated(2)
    assert torch.equal(twice.tokens, text.tokens[[0, 0, 1, 1]])
    assert twice.pooled is not None and text.pooled is not None
    assert torch.equal(twice.pooled, text.pooled[[0, 0, 1, 1]])


def test_a_prompt_is_too_long_beyond_77_tokens(tiny_sd: Path) -> None:
    model = load_model(tiny_sd)
    assert not too_long(model, "x" * 75)
    assert too_long(model, "x" * 76)


def test_sdxl_is_told_sizes_and_corner_as_by_its_pipeline(tiny_sdxl: Path) -> None:
    pipeline = make_pipeline(load_model(tiny_sdxl))
    theirs = pipeline._get_add_time_ids((40, 48), (3, 5), (32, 32), torch.float32, 8)
    assert torch.equal(size_conditions([(40, 48)], [(3, 5)], 32), theirs)
