"""The memory alone, on features that tell the objects apart; the decoder has random weights.

``decoder_share=0`` keeps its masks out of the answer, thresholds of 0 its scores.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from persam_vos.config import MethodSettings
from persam_vos.device import Compute
from persam_vos.methods.memory import MemoryMethod
from persam_vos.sam.build import build_sam, random_state
from persam_vos.sam.geometry import Geometry
from persam_vos.stages.compose import compose
from persam_vos.stages.decode import Decoder
from persam_vos.structures import Encoded, Frame, LabelMap

SIZE_HW = (96, 160)  # 15 image pixels are 96 input pixels
ALONE = MethodSettings(
    method="memory", decoder_share=0.0, presence_threshold=0.0, trust_threshold=0.0
)
Places = dict[int, tuple[int, int]]
"""Top left corner (x, y) of the square of 20 x 20 pixels of each object."""


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    network = build_sam("vit_t", random_state("vit_t", seed=0))
    return Decoder(network, Compute(torch.device("cpu"), torch.float32))


def labels_of(places: Places) -> LabelMap:
    labels = np.zeros(SIZE_HW, dtype=np.uint8)
    for object_id, (x, y) in places.items():
        labels[y : y + 20, x : x + 20] = object_id
    return labels


def encoded(places: Places, *, fine: bool = True) -> Encoded:
    """Make features that say at each cell which object, or which background, is there."""
    generator = torch.Generator().manual_seed(7)
    signs = torch.randn(256, 256, generator=generator)
    labels = torch.from_numpy(labels_of(places)).long()
    scale = 1024 / max(SIZE_HW)
    layers = []
    for side, channels in ((64, 256), (128, 128)):
        centres = ((torch.arange(side) + 0.5) * 1024 / side / scale).long()
        grid = labels[centres.clamp(max=SIZE_HW[0] - 1)][:, centres]
        layers.append(signs[grid, :channels].permute(2, 0, 1)[None].contiguous())
    frame = Frame(0, "0", np.zeros((*SIZE_HW, 3), dtype=np.uint8), 0.0)
    input_hw = Geometry(SIZE_HW).input_hw
    return Encoded(frame, layers[0], input_hw, layers[1] if fine else None)


def track(method: MemoryMethod, places: Places, *, fine: bool = True) -> LabelMap:
    answer = method.step(encoded(places, fine=fine), np.zeros(SIZE_HW, dtype=np.uint8))
    return compose(answer, size_hw=SIZE_HW, upsample=Geometry(SIZE_HW).logits_to_image)


def overlap(labels: LabelMap, places: Places, object_id: int) -> float:
    got, true = labels == object_id, labels_of(places) == object_id
    return float((got & true).sum() / max(1, (got | true).sum()))


def started(decoder: Decoder, places: Places, *, fine: bool = True) -> MemoryMethod:
    method = MemoryMethod(decoder, ALONE)
    method.describe(encoded(places, fine=fine), labels_of(places), tuple(sorted(places)))
    return method


@pytest.mark.parametrize("fine", [True, False], ids=["two layers", "neck only"])
def test_moving_objects_keep_their_ids_when_they_cross(decoder: Decoder, fine: bool) -> None:
    method = started(decoder, {3: (10, 10), 7: (100, 50)}, fine=fine)
    for step in range(1, 6):
        places = {3: (10 + 14 * step, 10), 7: (100 - 14 * step, 50)}
        labels = track(method, places, fine=fine)
        assert all(overlap(labels, places, i) > 0.5 for i in places), f"step {step}"
        assert set(np.unique(labels)) == {0, 3, 7}


def test_an_object_that_leaves_is_absent_and_is_found_again_elsewhere(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10), 2: (60, 50)})
    for _ in range(5):
        gone = method.step(encoded({2: (60, 50)}), np.zeros(SIZE_HW, dtype=np.uint8))
        assert gone.object_ids == (1, 2)
        assert gone.present == (False, True)
        assert gone.scores[0] == 0
    back = {1: (130, 70), 2: (60, 50)}
    labels = track(method, back)
    assert overlap(labels, back, 1) > 0.6
    assert overlap(labels, back, 2) > 0.6


def test_all_objects_may_leave(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10)})
    assert not track(method, {}).any()
    assert overlap(track(method, {1: (90, 60)}), {1: (90, 60)}, 1) > 0.6


def test_an_object_given_later_joins_the_others(decoder: Decoder) -> None:
    method = started(decoder, {9: (10, 10)})
    both = {9: (14, 10), 2: (90, 50)}
    track(method, both)
    method.describe(encoded(both), labels_of({2: both[2]}), (2,))
    then = {9: (18, 10), 2: (94, 50)}
    answer = method.step(encoded(then), np.zeros(SIZE_HW, dtype=np.uint8))
    assert answer.object_ids == (2, 9)
    labels = compose(answer, size_hw=SIZE_HW, upsample=Geometry(SIZE_HW).logits_to_image)
    assert overlap(labels, then, 9) > 0.6
    assert overlap(labels, then, 2) > 0.6


def test_a_corrected_mask_replaces_what_was_known(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10)})
    track(method, {1: (10, 10), 2: (90, 50)})
    method.describe(encoded({1: (10, 10), 2: (90, 50)}), labels_of({1: (90, 50)}), (1,))
    labels = track(method, {1: (10, 10), 2: (92, 50)})
    assert overlap(labels, {1: (92, 50)}, 1) > 0.6
    assert not labels[:40, :40].any()


def test_the_memory_does_not_grow(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10)})
    for _ in range(4):
        track(method, {1: (12, 10)})
    assert len(method._recent) == method._recent.maxlen == 4


def test_nothing_random_decides(decoder: Decoder) -> None:
    settings = replace(ALONE, decoder_share=0.5)
    answers = []
    for _ in range(2):
        method = MemoryMethod(decoder, settings)
        method.describe(encoded({1: (10, 10)}), labels_of({1: (10, 10)}), (1,))
        answers.append(
            method.step(encoded({1: (14, 12)}), np.zeros(SIZE_HW, dtype=np.uint8)).low_res_logits
        )
    assert torch.equal(*answers)
