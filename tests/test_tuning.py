"""Ways to fine-tune have the paper's numbers of parameters, and begin where SAM stands."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch.nn.utils import parametrize

from benchmarks.tuning import KINDS, TunedDecoder, mask_loss
from persam_vos.sam.build import SamNetwork, build_sam, random_state
from persam_vos.structures import MaskCandidates

COUNTS = {"none": 0, "prompt": 12_288, "adapter": 196_608, "lora": 293_888}


@pytest.fixture(scope="module")
def network() -> SamNetwork:
    return build_sam("vit_t", random_state("vit_t", seed=0))


def decoded(decoder: TunedDecoder) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 256, 64, 64, generator=generator)
    points = torch.tensor([[300.0, 400.0], [20.0, 900.0]])
    candidates: MaskCandidates = decoder(features, points, torch.tensor([1, 0]))
    return candidates.low_res_logits


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_counted_right_and_all_others_are_frozen(network, kind):
    decoder = TunedDecoder(network, kind)
    assert sum(one.numel() for one in decoder.trainable) == COUNTS[kind]
    assert not any(one.requires_grad for one in network.parameters())


@pytest.mark.parametrize("kind", ["adapter", "lora"])
def test_the_first_step_is_the_untouched_decoder_bit_for_bit(network, kind):
    with torch.no_grad():
        assert torch.equal(
            decoded(TunedDecoder(network, kind)), decoded(TunedDecoder(network, "none"))
        )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["prompt", "adapter", "lora"])
def test_a_step_changes_what_is_tuned_and_lowers_the_loss(network, kind):
    decoder = TunedDecoder(network, kind)
    mask = torch.zeros(256, 256, dtype=torch.bool)
    mask[60:120, 40:160] = True
    optimizer = torch.optim.AdamW(decoder.trainable, lr=1e-3)
    losses = []
    for _ in range(2):
        loss = mask_loss(decoded(decoder)[0, 0], mask)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        assert all(one.grad is not None for one in decoder.trainable)
        assert all(one.grad is None for one in decoder.parameters() if not one.requires_grad)
        optimizer.step()
    assert losses[-1] < losses[0]


def test_low_rank_weights_can_be_merged(network):
    decoder = TunedDecoder(network, "lora")
    for one in decoder.trainable:
        torch.nn.init.normal_(one, std=0.02)
    with torch.no_grad():
        before = decoded(decoder)
        for module in list(decoder.modules()):
            if parametrize.is_parametrized(module):
                parametrize.remove_parametrizations(cast(Any, module), "weight")
        torch.testing.assert_close(decoded(decoder), before, atol=1e-5, rtol=1e-5)


def test_the_loss_is_dice_and_focal_by_hand():
    logits = torch.tensor([[0.0, 0.0]])
    mask = torch.tensor([[True, False]])
    # Dice: 1 - (2 * 0.5 + 1) / (1 + 1 + 1); focal: (0.25 + 0.75) / 2 * 0.5^2 * ln 2.
    wanted = 1 - 2 / 3 + 0.5 * 0.25 * 0.6931472
    assert mask_loss(logits, mask).item() == pytest.approx(wanted)
