"""The memory alone, on features that tell the objects apart; the decoder has random weights.

``decoder_weight=0`` keeps its masks out of the result, thresholds of 0 its scores.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from no_sync import NoSync

from persam_vos.config import MethodSettings
from persam_vos.geometry import Geometry
from persam_vos.methods.memory import memory_bank
from persam_vos.methods.memory.crop_refiner import CropRefiner
from persam_vos.methods.memory.memory_bank import MemoryBank
from persam_vos.methods.memory.strategy import DenseStrategy
from persam_vos.methods.memory.tracker import MemoryMethod
from persam_vos.runtime.device import Compute
from persam_vos.runtime.tensor_tree import same_tensors, tensors_of
from persam_vos.sam.build import build_sam, random_state
from persam_vos.stages import windowed_decode
from persam_vos.stages.compose import compose, scale
from persam_vos.stages.decode import Decoder
from persam_vos.structures import Encoded, Frame, LabelMap, ObjectLogits

SIZE_HW = (96, 160)  # 15 image pixels are 96 input pixels
ALONE = MethodSettings(
    method="memory", decoder_weight=0.0, presence_threshold=0.0, trust_threshold=0.0
)
Places = dict[int, tuple[int, int]]
"""Top left corner (x, y) of the square of 20 x 20 pixels of each object."""


class Exact(Compute):
    """Compares cells in float64, so that rounding decides no near tie."""

    @property
    def bank_dtype(self) -> torch.dtype:
        return torch.float64


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    network = build_sam("vit_t", random_state("vit_t", seed=0))
    return Decoder(network, Compute(torch.device("cpu"), torch.float32))


def labels_of(places: Places, *, side: int = 20) -> LabelMap:
    labels = np.zeros(SIZE_HW, dtype=np.uint8)
    for object_id, (x, y) in places.items():
        labels[y : y + side, x : x + side] = object_id
    return labels


def encoded(places: Places, *, layers: int = 3, side: int = 20) -> Encoded:
    """Make features that say at each cell which object, or which background, is there."""
    generator = torch.Generator().manual_seed(7)
    signs = torch.randn(256, 256, generator=generator)
    labels = torch.from_numpy(labels_of(places, side=side)).long()
    geometry = Geometry(SIZE_HW)

    def grid(cell: int, channels: int) -> torch.Tensor:
        rows, columns = (
            ((torch.arange(side // cell) + 0.5) * cell / geometry.scale).long().clamp(max=size - 1)
            for side, size in zip(geometry.patches_hw, SIZE_HW, strict=True)
        )
        return signs[labels[rows][:, columns], :channels].permute(2, 0, 1)[None].contiguous()

    frame = Frame(0, "0", np.zeros((*SIZE_HW, 3), dtype=np.uint8), 0.0)
    layer_s8 = grid(8, 128) if layers > 1 else None
    layer_s4 = grid(4, 64) if layers > 2 else None
    return Encoded(frame, grid(16, 256), geometry.input_hw, grid(2, 3), layer_s8, layer_s4)


def unlike(frame: Encoded, seed: int) -> Encoded:
    """Add noise to a frame's features: no two cells are alike, so that there are no ties."""
    chance = torch.Generator().manual_seed(seed)
    layers = {name: getattr(frame, name) for name in ("features", "layer_s8", "layer_s4")}
    return replace(
        frame,
        **{
            name: part + 0.3 * torch.randn(part.shape, generator=chance)
            for name, part in layers.items()
        },
    )


def drawn(result: ObjectLogits) -> LabelMap:
    scaled = scale(result, Geometry(SIZE_HW).logit_weights(result.low_res_logits))
    return compose(scaled, SIZE_HW, result.low_res_logits.device).numpy()


def track(method: MemoryMethod, places: Places, *, layers: int = 3) -> LabelMap:
    return drawn(step(method, encoded(places, layers=layers)))


def step(method: MemoryMethod, frame: Encoded) -> ObjectLogits:
    return method.propagate(method.features(frame), frame)


def no_crops(decoder: Decoder) -> CropRefiner:
    return CropRefiner(decoder.network.encode_layers, 0)


def both_ways(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch, settings: MethodSettings = ALONE
) -> tuple[MemoryMethod, MemoryMethod]:
    """A method that leaves out what is not needed, and one whose shapes are static.

    What a window of the decoder leaves out makes a difference: there the windows are the picture.
    """
    monkeypatch.setattr(windowed_decode, "_MARGIN", 99.0)
    return (
        MemoryMethod(decoder, settings, no_crops(decoder)),
        MemoryMethod(decoder, settings, no_crops(decoder), strategy=DenseStrategy()),
    )


def overlap(labels: LabelMap, places: Places, object_id: int) -> float:
    got, expected = labels == object_id, labels_of(places) == object_id
    return float((got & expected).sum() / max(1, (got | expected).sum()))


def started(decoder: Decoder, places: Places, *, layers: int = 3) -> MemoryMethod:
    method = MemoryMethod(decoder, ALONE, no_crops(decoder))
    method.add_reference(encoded(places, layers=layers), labels_of(places), tuple(sorted(places)))
    return method


@pytest.mark.parametrize("layers", [3, 2, 1], ids=["all layers", "two layers", "neck only"])
def test_moving_objects_keep_their_ids_when_they_cross(decoder: Decoder, layers: int) -> None:
    method = started(decoder, {3: (20, 10), 7: (90, 50)}, layers=layers)
    for number in range(1, 5):
        places = {3: (20 + 14 * number, 10), 7: (90 - 14 * number, 50)}
        labels = track(method, places, layers=layers)
        assert all(overlap(labels, places, i) > 0.5 for i in places), f"step {number}"
        assert set(np.unique(labels)) == {0, 3, 7}


def test_in_larger_pictures_objects_move_further_in_cells(decoder: Decoder) -> None:
    before, after = {1: (40, 40)}, {1: (66, 40)}  # by 10 cells, and more than 6 round the object
    overlaps = []
    for image_size in (1024, 2048):
        method = MemoryMethod(decoder, replace(ALONE, image_size=image_size), no_crops(decoder))
        method.add_reference(encoded(before), labels_of(before), (1,))
        overlaps.append(overlap(track(method, after), after, 1))
    assert overlaps[0] < 0.5
    assert overlaps[1] > 0.6


def test_an_object_that_leaves_is_absent_and_is_found_again_elsewhere(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10), 2: (60, 50)})
    for _ in range(3):
        gone = step(method, encoded({2: (60, 50)}))
        assert gone.object_ids.tolist() == [1, 2]
        assert gone.present.tolist() == [False, True]
        assert gone.scores[0] == 0
    back = {1: (130, 70), 2: (60, 50)}
    labels = track(method, back)
    assert overlap(labels, back, 1) > 0.6
    assert overlap(labels, back, 2) > 0.6


@pytest.mark.parametrize("threshold", [0.0, 1.0], ids=["believed", "low confidence"])
def test_a_fragment_that_only_the_memory_sees_is_not_shown_for_long(
    decoder: Decoder, threshold: float
) -> None:
    settings = replace(ALONE, fragment_threshold=threshold)
    method = MemoryMethod(decoder, settings, no_crops(decoder))
    method.add_reference(encoded({1: (60, 40)}), labels_of({1: (60, 40)}), (1,))
    fragments = [step(method, encoded({1: (66, 46)}, side=5)) for _ in range(9)]
    assert all(bool((fragment.low_res_logits > 0).any()) for fragment in fragments)
    seen = [bool(fragment.present[0]) for fragment in fragments]
    assert seen == ([True] * 9 if threshold == 0 else [True] + [False] * 8)
    assert overlap(track(method, {1: (60, 40)}), {1: (60, 40)}, 1) > 0.6, "back where it was"


def test_all_objects_may_leave(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10)})
    assert not track(method, {}).any()
    assert overlap(track(method, {1: (90, 60)}), {1: (90, 60)}, 1) > 0.6


def test_an_object_given_later_joins_the_others(decoder: Decoder) -> None:
    method = started(decoder, {9: (10, 10)})
    both = {9: (14, 10), 2: (90, 50)}
    track(method, both)
    method.add_reference(encoded(both), labels_of({2: both[2]}), (2,))
    then = {9: (18, 10), 2: (94, 50)}
    result = step(method, encoded(then))
    assert result.object_ids.tolist() == [2, 9]
    labels = drawn(result)
    assert overlap(labels, then, 9) > 0.6
    assert overlap(labels, then, 2) > 0.6


def test_a_corrected_mask_replaces_what_was_known(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10)})
    track(method, {1: (10, 10), 2: (90, 50)})
    method.add_reference(encoded({1: (10, 10), 2: (90, 50)}), labels_of({1: (90, 50)}), (1,))
    labels = track(method, {1: (10, 10), 2: (92, 50)})
    assert overlap(labels, {1: (92, 50)}, 1) > 0.6
    assert not labels[:40, :40].any()


def memory_of(method: MemoryMethod) -> MemoryBank:
    assert method._memory is not None
    return method._memory.bank


def sizes(method: MemoryMethod) -> list[torch.Size]:
    memory = memory_of(method)
    parts = (memory.s16, memory.s8, memory.s4, memory.masks_s4, memory.masks_s8)
    return [part.shape for part in parts]


def test_the_memory_does_not_grow(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10)})
    size = sizes(method)
    for number in range(6):
        track(method, {1: (12 + 2 * number, 10)})
        assert sizes(method) == size


def test_masks_given_again_take_the_place_of_those_before(decoder: Decoder) -> None:
    place = {1: (10, 10)}
    method = started(decoder, place)
    found = []
    for _ in range(3):
        track(method, place)
        method.add_reference(encoded(place), labels_of(place), (1,))
        found.append((len(memory_of(method).references), sizes(method)))
    assert found == [(1, found[0][1])] * 3


def test_what_is_remembered_of_a_cell_sums_to_1(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10), 2: (60, 50)})
    one = torch.ones(len(memory_of(method).newest_masks_s4))
    torch.testing.assert_close(memory_of(method).newest_masks_s4.sum(-1), one)
    places = {1: (14, 10), 3: (60, 50)}  # the second leaves, and another is there instead
    track(method, places)
    torch.testing.assert_close(memory_of(method).newest_masks_s4.sum(-1), one)
    method.add_reference(encoded(places), labels_of({3: (60, 50)}), (3,))
    torch.testing.assert_close(memory_of(method).newest_masks_s4.sum(-1), one)
    assert memory_of(method).newest_masks_s4.shape[-1] == 4


def test_nothing_random_decides(decoder: Decoder) -> None:
    settings = replace(ALONE, decoder_weight=0.5)
    results = []
    for _ in range(2):
        method = MemoryMethod(decoder, settings, no_crops(decoder))
        method.add_reference(encoded({1: (10, 10)}), labels_of({1: (10, 10)}), (1,))
        results.append(step(method, encoded({1: (14, 12)})).low_res_logits)
    assert torch.equal(*results)


@pytest.mark.parametrize(
    ("spare", "ages", "last"),
    [
        pytest.param(4, (1, 2, 4), 6, id="capacity to spare"),
        pytest.param(1, memory_bank.AGES, 8, id="capacity as needed"),
    ],
)
@pytest.mark.slow
def test_static_shapes_make_no_difference(
    decoder: Decoder,
    monkeypatch: pytest.MonkeyPatch,
    spare: int,
    ages: tuple[int, ...],
    last: int,
) -> None:
    monkeypatch.setattr(memory_bank, "_SPARE", spare)
    monkeypatch.setattr(memory_bank, "AGES", ages)
    exact = replace(decoder, compute=Exact(torch.device("cpu"), torch.float32))
    methods = both_ways(exact, monkeypatch, replace(ALONE, decoder_weight=0.3))
    begun = {3: (20, 10), 7: (90, 50)}
    for method in methods:
        method.add_reference(unlike(encoded(begun), 99), labels_of(begun), (3, 7))
    clip: list[Places] = [
        {3: (20 + 4 * number, 10), 7: (90, 50 - 3 * number)} for number in range(1, 6)
    ]
    clip += [{3: (40, 10)}] * 3 + [{}] * 2 + [{7: (20, 50), 3: (100, 20)}] * last
    later: dict[int, Places] = {4: {1: (10, 60)}, 12: {3: (100, 20)}, 14: {5: (60, 70)}}
    for number, places in enumerate(clip):
        frame = unlike(encoded(places), number)
        sparse, static = (step(method, frame) for method in methods)
        known = len(sparse.scores)
        ids, logits, scores, present = (part[:known] for part in tensors_of(static))
        assert sparse.object_ids.tolist() == ids.tolist()
        assert sparse.present.tolist() == present.tolist(), number
        torch.testing.assert_close(sparse.scores, scores, atol=1e-3, rtol=0)
        torch.testing.assert_close(sparse.low_res_logits, logits, atol=2e-2, rtol=0)
        assert not static.object_ids[known:].any(), "vacant"
        assert not static.present[known:].any()
        if number in later:
            for method in methods:
                method.add_reference(frame, labels_of(later[number]), tuple(later[number]))
    assert methods[1].graphable and not methods[0].graphable


def test_a_step_with_static_shapes_does_not_wait_for_the_device(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_bank, "AGES", (1, 2, 4))  # graphable sooner
    method = MemoryMethod(decoder, ALONE, no_crops(decoder), strategy=DenseStrategy())
    places = {3: (20, 10), 7: (90, 50)}
    method.add_reference(encoded(places), labels_of(places), (3, 7))
    frame = encoded(places)
    while not method.graphable:
        step(method, frame)
    with NoSync():
        step(method, frame)


def test_capacity_is_added_for_some_at_once_after_the_first(decoder: Decoder) -> None:
    method = MemoryMethod(decoder, ALONE, no_crops(decoder), strategy=DenseStrategy())
    capacities, moves = [], []
    for object_id in range(1, 11):
        places = {object_id: (12 * object_id, 10 + 5 * object_id)}
        before = list(method.state())
        method.add_reference(encoded(places), labels_of(places), (object_id,))
        capacities.append(memory_of(method).capacity)
        moves.append(not same_tensors(before, method.state()))
    assert capacities == [1, 4, 4, 4, 8, 8, 8, 8, 12, 12]
    assert moves == [
        capacity != before for capacity, before in zip(capacities, [0, *capacities], strict=False)
    ]


def test_what_waits_for_the_device_is_noticed(decoder: Decoder) -> None:
    method = started(decoder, {1: (10, 10)})
    frame = encoded({1: (10, 10)})
    with pytest.raises(AssertionError, match="waits for the device"), NoSync():
        step(method, frame)
