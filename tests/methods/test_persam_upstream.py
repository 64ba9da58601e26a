"""The upstream recipe's defects that must not come back; its parity is in test_upstream_parity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine, propagated

from persam_vos.config import MethodSettings
from persam_vos.methods.persam_upstream import UpstreamMethod
from persam_vos.stages.decode import Decoder
from persam_vos.structures import Encoded


def new_method(engine: RememberingEngine, name: Any) -> UpstreamMethod:
    decoder = Decoder(engine.network, engine.compute)
    return UpstreamMethod(decoder, MethodSettings(method=name, recipe="upstream"))


@pytest.fixture(scope="module")
def engine(engine: RememberingEngine) -> RememberingEngine:
    """Encode the whole padded square, as the paper's methods have it."""
    return replace(engine, settings=MethodSettings(method="persam-f"))


@pytest.fixture(scope="module")
def first(engine: RememberingEngine, demo_frames: DemoFrames) -> Encoded:
    return engine.encode(demo_frames.frames[0])


def test_fitted_weights_are_known_by_id_and_sum_to_one(
    engine: RememberingEngine, demo_frames: DemoFrames, first: Encoded
) -> None:
    method = new_method(engine, "persam-f")
    renamed = np.array([0, 7, 0, 200], np.uint8)[demo_frames.labels[0]]
    method.add_reference(first, renamed, (7, 200))
    assert set(method.scale_weights) == {7, 200}
    for weights in method.scale_weights.values():
        assert float(weights.sum()) == pytest.approx(1, abs=1e-5)
        assert not torch.allclose(weights, torch.full((3,), 1 / 3), atol=1e-3)
    assert propagated(method, first, renamed).object_ids.tolist() == [7, 200]


def test_the_training_free_program_has_no_weights(
    engine: RememberingEngine, demo_frames: DemoFrames, first: Encoded
) -> None:
    method = new_method(engine, "persam")
    method.add_reference(first, demo_frames.labels[0], (1,))
    assert method.scale_weights == {}


def test_an_object_that_is_lost_does_not_shift_the_others(
    engine: RememberingEngine, demo_frames: DemoFrames, first: Encoded
) -> None:
    labels = demo_frames.labels[0]
    method, alone = new_method(engine, "persam"), new_method(engine, "persam")
    method.add_reference(first, labels, (1, 2))
    alone.add_reference(first, labels, (2,))
    without_one = np.where(labels == 2, labels, 0).astype(np.uint8)
    result = propagated(method, first, without_one)
    assert result.object_ids.tolist() == [1, 2]
    expected = propagated(alone, first, without_one).low_res_logits[0]
    torch.testing.assert_close(result.low_res_logits[1], expected)


@pytest.mark.parametrize("name", ["persam", "persam-f"])
def test_an_object_smaller_than_a_cell_has_a_target(
    engine: RememberingEngine, first: Encoded, name: str
) -> None:
    labels = np.zeros(first.frame.size_hw, np.uint8)
    labels[301, 701] = 5
    method = new_method(engine, name)
    method.add_reference(first, labels, (5,))
    result = propagated(method, first, labels)
    assert torch.isfinite(result.low_res_logits).all()
    assert 0 <= result.scores[0] <= 1
