from __future__ import annotations

from dataclasses import replace

import torch
from made_targets import IDENTITY, made_target


def test_cells_of_objects_that_are_left_out_become_background() -> None:
    target = made_target().keep([4])
    first, second = target.references
    assert target.object_ids == (4,)
    assert (first.object_ids, second.object_ids) == ((4,), ())
    assert len(first.objects.features) == 6
    assert torch.equal(first.objects.coverage[:, 0], torch.tensor([0, 1, 0, 1, 0, 1]).half())
    assert not second.objects.coverage.any()
    assert target.scale_weights.shape == (1, 3)


def test_published_weights_are_the_same_in_every_form() -> None:
    assert IDENTITY.fits(replace(IDENTITY, sha256={"encoder.onnx": "00"}))
    assert not IDENTITY.fits(replace(IDENTITY, weights="vit-b", encoder="vit_b"))


def test_weights_of_ones_own_are_known_by_their_digests() -> None:
    own = replace(IDENTITY, weights="custom")
    assert own.fits(replace(own, sha256=dict(own.sha256)))
    assert not own.fits(replace(own, sha256={"mobile_sam.pt": "00"}))


def test_a_network_is_named_by_weights_and_encoder() -> None:
    assert str(IDENTITY) == "weights mobile-sam (encoder vit_t)"
