from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from persam_vos.errors import WeightsError
from persam_vos.geometry import Geometry, normalise_and_pad
from persam_vos.sam.build import build_sam, random_state
from persam_vos.sam.tiny_vit import TinyViT
from persam_vos.sam.vendor import load_modeling
from persam_vos.structures import Prompts


@pytest.fixture(scope="module")
def tiny_state():
    return random_state("vit_t", 0)


def test_network_is_ready_for_inference(tiny_state):
    network = build_sam("vit_t", tiny_state)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert set(network.state_dict()) == set(tiny_state)


def test_random_weights_depend_on_the_seed_alone(tiny_state):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    again = random_state("vit_t", 0)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(again[name], tensor) for name, tensor in tiny_state.items())


def _without(state: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda state: _without(state, "mask_decoder.iou_token.weight"),
            r"1 missing \(mask_decoder.iou_token.weight\)",
        ),
        (
            lambda state: state | {"mask_decoder.hf_token.weight": torch.zeros(1)},
            r"1 unexpected \(mask_decoder.hf_token.weight\)",
        ),
        (
            lambda state: state | {"mask_decoder.iou_token.weight": torch.zeros(2, 256)},
            r"misshapen \(mask_decoder.iou_token.weight \(2, 256\) instead of \(1, 256\)\)",
        ),
        (lambda _: {}, r"327 missing \(image_encoder\S+, \S+, \S+, ...\)"),
    ],
    ids=["missing", "unexpected", "misshapen", "empty"],
)
def test_wrong_weights_are_named(tiny_state, damage, message):
    with pytest.raises(WeightsError, match=rf"^my.pth: got .*{message}"):
        build_sam("vit_t", damage(tiny_state), source="my.pth")


def test_unknown_architecture_is_refused():
    with pytest.raises(WeightsError, match="got architecture 'vit_x', expected vit_t or vit_b"):
        build_sam("vit_x", {})


def _segment_anything_vit_b() -> Any:
    """The network as ``segment_anything.build_sam`` makes it (importing that needs torchvision)."""
    modeling = load_modeling()
    encoder = modeling.ImageEncoderViT(
        depth=12,
        embed_dim=768,
        img_size=1024,
        mlp_ratio=4,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        num_heads=12,
        patch_size=16,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=[2, 5, 8, 11],
        window_size=14,
        out_chans=256,
    )
    transformer = modeling.TwoWayTransformer(depth=2, embedding_dim=256, num_heads=8, mlp_dim=2048)
    return modeling.Sam(
        encoder,
        modeling.PromptEncoder(256, (64, 64), (1024, 1024), 16),
        modeling.MaskDecoder(transformer_dim=256, transformer=transformer),
    ).eval()


@pytest.mark.slow
def test_vit_b_answers_as_segment_anything_does():
    state = random_state("vit_b", 3)
    theirs, ours = _segment_anything_vit_b(), build_sam("vit_b", state)
    blocks: Any = ours.image_encoder.blocks
    theirs.load_state_dict(state)
    assert str(ours.image_encoder) == str(theirs.image_encoder)
    assert [block.window_size for block in blocks] == [14, 14, 0] * 4
    ours.image_encoder.blocks = blocks[1:3]  # a windowed block and a global one, like the others
    theirs.image_encoder.blocks = theirs.image_encoder.blocks[1:3]

    geometry = Geometry((480, 854))
    generator = torch.Generator().manual_seed(4)
    image = torch.randint(0, 256, (*geometry.input_hw, 3), generator=generator).to(torch.uint8)
    points = torch.tensor([[[500.0, 300.0], [20.0, 30.0]], [[5.0, 6.0], [700.0, 500.0]]])
    record = {
        "image": image.permute(2, 0, 1),
        "original_size": geometry.size_hw,
        "point_coords": points,
        "point_labels": torch.tensor([[1, 0], [1, 1]]),
    }
    expected_masks = theirs([record], multimask_output=True)[0]
    padded = torch.cat([points, torch.zeros(2, 1, 2)], dim=1)
    labels = torch.tensor([[1, 0, -1], [1, 1, -1]])  # SAM's own padding point, made explicit
    with torch.inference_mode():
        features = ours.encode(normalise_and_pad(image[None]))
        candidates = ours.decode(features, Prompts(padded, labels))

    logits = candidates.low_res_logits[:, 1:]
    torch.testing.assert_close(logits, expected_masks["low_res_logits"], rtol=0, atol=1e-5)
    torch.testing.assert_close(
        candidates.predicted_iou[:, 1:], expected_masks["iou_predictions"], rtol=0, atol=1e-5
    )


def test_a_picture_larger_than_the_square_is_decoded_like_any_other(mobile_sam):
    prompts = Prompts(torch.tensor([[[1100.0, 30.0]]]), torch.tensor([[1]]))
    with torch.inference_mode():
        features = mobile_sam.encode_layers(torch.zeros(1, 3, 64, 1280))[0]
        candidates = mobile_sam.decode(features, prompts)
    assert candidates.low_res_logits.shape == (1, 4, 16, 320)
    assert mobile_sam.largest_image > 1280


def test_position_embeddings_bound_the_picture():
    assert build_sam("vit_b", random_state("vit_b", 3)).largest_image == 1024


def test_earlier_layers_are_those_of_the_same_pass(tiny_state):
    network = build_sam("vit_t", tiny_state)
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    assert isinstance(network.image_encoder, TinyViT)
    with torch.inference_mode():
        features, layer_s8, layer_s4 = network.encode_layers(images)
        whole, stages = network.image_encoder.forward_stages(images)
    assert torch.equal(features, whole)
    assert torch.equal(layer_s8, stages[1])
    assert torch.equal(layer_s4, stages[0])
    assert [layer.shape[1:] for layer in (features, layer_s8, layer_s4)] == [
        (256, 4, 6),
        (128, 8, 12),
        (64, 16, 24),
    ]


def test_other_encoders_give_no_layers_and_compute_the_given_part():
    network = build_sam("vit_b", random_state("vit_b", 3))
    images = torch.randn(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        (features,) = network.encode_layers(images)
    assert features.shape == (1, 256, 2, 3)
