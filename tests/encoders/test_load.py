"""Encoders come from a user's file or the registry, and are whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from persam_vos.encoders.dino_vit import DinoShape, DinoViT
from persam_vos.encoders.load import build_dino, load_encoder
from persam_vos.errors import WeightsError

SHAPE = DinoShape("v2", 64, 1, 14, 3, 0, 128)
CPU: dict[str, Any] = {"device": torch.device("cpu"), "dtype": torch.float32}


@pytest.fixture
def state():
    return DinoViT(SHAPE).state_dict()


def test_a_file_of_the_user_is_loaded_and_known_by_its_digest(tmp_path, state):
    torch.save(state | {"mask_token": torch.zeros(1, 64)}, tmp_path / "mine.pth")
    encoder = load_encoder("sam", tmp_path / "mine.pth", **CPU)
    assert encoder is not None
    assert encoder.network.shape == SHAPE
    assert encoder.facts["encoder"] == "mine.pth"
    assert len(encoder.facts["encoder sha256"]) == 64
    assert not any(one.requires_grad for one in encoder.network.parameters())


def test_sam_needs_no_other_encoder():
    assert load_encoder("sam", None, **CPU) is None


def test_published_encoders_are_taken_from_the_cache(tmp_path, state, monkeypatch):
    path = tmp_path / "dinov2_vits14_pretrain.pth"
    torch.save(state, path)
    asked = []

    def original_files(name, **_):
        asked.append(name)
        return (path,)

    monkeypatch.setattr("persam_vos.encoders.load.original_files", original_files)
    encoder = load_encoder("dinov2-small", None, **CPU)
    assert encoder is not None
    assert (asked, encoder.facts["encoder"]) == (["dinov2-small"], "dinov2-small")


def test_weights_that_do_not_fit_are_named(state):
    del state["norm.bias"]
    state["extra"] = torch.zeros(1)
    state["norm.weight"] = torch.zeros(3)
    with pytest.raises(WeightsError) as caught:
        build_dino(SHAPE, state, source="x.pth")
    message = str(caught.value)
    assert message.startswith("x.pth: got no norm.bias; an unknown extra; norm.weight (3,) instead")
    assert "DINOv2" in message
