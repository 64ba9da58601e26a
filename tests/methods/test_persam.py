"""PerSAM and PerSAM-F on the real network: what changes the result, and what must not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine, overlap, propagated

from persam_vos.config import MECHANISMS, MethodSettings
from persam_vos.geometry import Geometry
from persam_vos.methods.persam import PersamMethod
from persam_vos.stages.compose import compose, scale
from persam_vos.stages.decode import Decoder
from persam_vos.structures import Encoded, Frame, LabelMap, MaskCandidates, ObjectLogits, Prompts

FAST = MethodSettings(method="persam-f", without=frozenset({"refinement"}), fit_steps=20)


@pytest.fixture(scope="module")
def engine(engine: RememberingEngine) -> RememberingEngine:
    """Encode the whole padded square, as the paper's methods have it."""
    return replace(engine, settings=MethodSettings(method="persam-f"))


ASTRONAUT = 2


@dataclass(frozen=True)
class CountingDecoder(Decoder):
    calls: list[int] = field(default_factory=list)

    def __call__(
        self, features: torch.Tensor, prompts: Prompts, positions: torch.Tensor | None = None
    ) -> MaskCandidates:
        self.calls.append(len(prompts.points_xy))
        return super().__call__(features, prompts, positions)


def new_method(engine: RememberingEngine, settings: MethodSettings) -> PersamMethod:
    return PersamMethod(CountingDecoder(engine.network, engine.compute), settings)


def calls(method: PersamMethod) -> list[int]:
    assert isinstance(method.decoder, CountingDecoder)
    return method.decoder.calls


def labels_of(result: ObjectLogits, encoded: Encoded) -> LabelMap:
    size_hw = encoded.frame.size_hw
    scaled = scale(result, Geometry(size_hw).logit_weights(result.low_res_logits))
    return compose(scaled, size_hw, result.low_res_logits.device).numpy()


def blank(engine: RememberingEngine, like: Frame) -> Encoded:
    return engine.encode(replace(like, image=np.full_like(like.image, 127)))


def only(labels: LabelMap, object_id: int) -> LabelMap:
    return np.where(labels == object_id, labels, 0).astype(np.uint8)


def result_for(
    engine: RememberingEngine,
    demo: DemoFrames,
    settings: MethodSettings,
    object_ids: tuple[int, ...] = (ASTRONAUT,),
) -> ObjectLogits:
    """Learn objects on frame 0 and result for frame 1."""
    method = new_method(engine, settings)
    method.add_reference(engine.encode(demo.frames[0]), demo.labels[0], object_ids)
    return propagated(method, engine.encode(demo.frames[1]), demo.labels[0])


def test_the_next_frame_is_found(engine: RememberingEngine, demo_frames: DemoFrames) -> None:
    result = result_for(engine, demo_frames, MethodSettings(method="persam-f"), (1, 2, 3))
    labels = labels_of(result, engine.encode(demo_frames.frames[1]))
    assert result.object_ids.tolist() == [1, 2, 3]
    for object_id in (1, 2, 3):
        assert overlap(labels, demo_frames.labels[1], object_id) > 0.8


def test_fitting_decodes_once_for_all_objects(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    method = new_method(engine, MethodSettings(method="persam-f"))
    method.add_reference(engine.encode(demo_frames.frames[0]), demo_frames.labels[0], (1, 2, 3))
    assert calls(method) == [3]


def test_the_training_free_method_decodes_nothing_to_learn(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    method = new_method(engine, MethodSettings(method="persam"))
    method.add_reference(engine.encode(demo_frames.frames[0]), demo_frames.labels[0], (1, 2, 3))
    assert calls(method) == []


@pytest.mark.parametrize("method_name", ["persam", "persam-f"])
@pytest.mark.parametrize(("without", "expected"), [((), 3), (("refinement",), 1)])
def test_a_frame_takes_three_decodes_and_one_without_refinement(
    engine: RememberingEngine,
    demo_frames: DemoFrames,
    method_name: Any,
    without: Any,
    expected: int,
) -> None:
    method = new_method(engine, MethodSettings(method=method_name, without=frozenset(without)))
    encoded = engine.encode(demo_frames.frames[0])
    method.add_reference(encoded, demo_frames.labels[0], (ASTRONAUT,))
    learnt = len(calls(method))
    propagated(method, encoded, demo_frames.labels[0])
    assert calls(method)[learnt:] == [1] * expected


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each_mechanism_of_the_paper_changes_the_result(
    engine: RememberingEngine, demo_frames: DemoFrames, mechanism: Any
) -> None:
    full = result_for(engine, demo_frames, MethodSettings(method="persam"))
    without = MethodSettings(method="persam", without=frozenset({mechanism}))
    less = result_for(engine, demo_frames, without)
    assert float((full.low_res_logits - less.low_res_logits).abs().max()) > 0.1


def test_objects_in_a_batch_answer_as_they_would_alone(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    together = result_for(engine, demo_frames, FAST, (1, 2, 3))
    for row, object_id in enumerate(together.object_ids.tolist()):
        alone = result_for(engine, demo_frames, FAST, (object_id,))
        torch.testing.assert_close(
            together.low_res_logits[row : row + 1], alone.low_res_logits, atol=2e-2, rtol=1e-3
        )
        assert float(together.scores[row]) == pytest.approx(float(alone.scores[0]), abs=1e-3)


def test_ids_are_names_not_positions(engine: RememberingEngine, demo_frames: DemoFrames) -> None:
    renamed = np.array([0, 200, 7, 1], np.uint8)
    other = DemoFrames(demo_frames.frames, tuple(renamed[one] for one in demo_frames.labels))
    plain = result_for(engine, demo_frames, FAST, (1, 2, 3))
    gaps = result_for(engine, other, FAST, (1, 7, 200))
    assert gaps.object_ids.tolist() == [1, 7, 200]
    torch.testing.assert_close(
        gaps.low_res_logits, plain.low_res_logits.flip(0), atol=2e-2, rtol=1e-3
    )


def test_a_vanished_object_is_absent_and_found_again(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    method = new_method(engine, MethodSettings(method="persam-f"))
    first, again = (engine.encode(demo_frames.frames[k]) for k in (0, 1))
    method.add_reference(first, only(demo_frames.labels[0], ASTRONAUT), (ASTRONAUT,))
    gone = propagated(method, blank(engine, demo_frames.frames[0]), demo_frames.labels[0])
    assert gone.present.tolist() == [False]
    empty = np.zeros_like(demo_frames.labels[0])
    back = propagated(method, again, empty)
    assert back.present.tolist() == [True]
    assert overlap(labels_of(back, again), demo_frames.labels[1], ASTRONAUT) > 0.8


@pytest.mark.parametrize("method_name", ["persam", "persam-f"])
@pytest.mark.parametrize("side", [1, 4, 12])
def test_an_object_smaller_than_a_cell_is_tracked(
    engine: RememberingEngine, demo_frames: DemoFrames, method_name: Any, side: int
) -> None:
    labels = np.zeros_like(demo_frames.labels[0])
    labels[300 : 300 + side, 700 : 700 + side] = 9
    method = new_method(
        engine, MethodSettings(method=method_name, without=frozenset({"refinement"}))
    )
    encoded = engine.encode(demo_frames.frames[0])
    method.add_reference(encoded, labels, (9,))
    result = propagated(method, encoded, labels)
    assert torch.isfinite(result.low_res_logits).all()
    assert 0 <= result.scores[0] <= 1


def test_describing_again_replaces_what_was_known(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    method = new_method(engine, FAST)
    encoded = engine.encode(demo_frames.frames[0])
    wrong = np.where(demo_frames.labels[0] == 1, 2, 0).astype(np.uint8)
    method.add_reference(encoded, wrong, (ASTRONAUT,))
    method.add_reference(encoded, demo_frames.labels[0], (ASTRONAUT,))
    corrected = propagated(method, engine.encode(demo_frames.frames[1]), demo_frames.labels[0])
    expected = result_for(engine, demo_frames, FAST)
    torch.testing.assert_close(corrected.low_res_logits, expected.low_res_logits)


def test_more_objects_than_fit_a_batch_are_decoded_in_parts(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    features = engine.encode(demo_frames.frames[0]).features
    decoder = Decoder(engine.network, engine.compute)
    points = torch.linspace(50, 550, 18)[:, None, None].expand(18, 1, 2).contiguous()
    prompts = Prompts(points, torch.ones(18, 1, dtype=torch.long))
    together = decoder(features, prompts)
    alone = decoder(features, Prompts(points[17:], prompts.point_labels[17:]))
    assert together.low_res_logits.shape == (18, 4, 256, 256)
    torch.testing.assert_close(
        together.low_res_logits[17:], alone.low_res_logits, atol=1e-3, rtol=1e-4
    )
