"""Small objects in large pictures, refined in high-resolution crops, with the real network."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from demo_clip import RememberingEngine, overlap
from no_sync import NoSync
from static_compute import StaticCompute

from persam_vos.api import load_engine
from persam_vos.config import MethodSettings
from persam_vos.demo.render import render_demo
from persam_vos.methods.memory.crop_memory import CropMemory
from persam_vos.methods.memory.tracker import MemoryMethod
from persam_vos.structures import Frame, LabelMap, TrackedFrame
from persam_vos.tracking.engine import Engine
from persam_vos.tracking.propagate import Propagation

SIZE_HW = (540, 960)
SMALL, OTHER = 3, 1  # a sixth and a fifth of the picture's width
IMAGE_SIZE = 384  # the pictures have 2.5 times as many pixels


@pytest.fixture(scope="module")
def clip() -> list[tuple[Frame, LabelMap]]:
    rendered = islice(render_demo(48, SIZE_HW), 4)
    return [
        (Frame(number, f"{number:05d}", np.ascontiguousarray(image), number / 24), labels)
        for number, (image, labels) in enumerate(rendered)
    ]


def engine_for(engine: RememberingEngine, small_side: int, image_size: int = IMAGE_SIZE) -> Engine:
    settings = replace(engine.settings, small_side=small_side, image_size=image_size)
    return Engine(engine.network, engine.compute, settings)


def only(labels: LabelMap, *object_ids: int) -> LabelMap:
    return labels * np.isin(labels, object_ids)


def tracked(
    engine: Engine, clip: list[tuple[Frame, LabelMap]], *ids: int, later: int | None = None
) -> list[TrackedFrame]:
    """Track objects from the first frame on, and another from the third."""
    state = Propagation.start(engine)
    shown = {0: ids} | ({2: (later,)} if later else {})
    return [
        state.advance(
            engine.encode(frame),
            only(labels, *shown[frame.index]) if frame.index in shown else None,
        )
        for frame, labels in clip
    ]


def crops_of(state: Propagation) -> CropMemory | None:
    method = state.step.method
    assert isinstance(method, MemoryMethod)
    return method.crop_refiner.crop_memory


def test_a_small_object_is_cut_out_better(
    engine: RememberingEngine, clip: list[tuple[Frame, LabelMap]]
) -> None:
    refined, without = (tracked(engine_for(engine, side), clip, SMALL) for side in (160, 0))
    for (_, labels), one, other in list(zip(clip, refined, without, strict=True))[1:]:
        assert overlap(one.label_map, labels, SMALL) > overlap(other.label_map, labels, SMALL) > 0.8


@pytest.mark.parametrize(("ids", "later"), [((SMALL, OTHER), None), ((SMALL,), OTHER)])
def test_static_shapes_refine_the_same(
    engine: RememberingEngine,
    clip: list[tuple[Frame, LabelMap]],
    ids: tuple[int, ...],
    later: int | None,
) -> None:
    chosen = engine_for(engine, 160)
    static = replace(chosen, compute=StaticCompute(torch.device("cpu"), torch.float32))
    for one, other in zip(
        tracked(chosen, clip, *ids, later=later),
        tracked(static, clip, *ids, later=later),
        strict=True,
    ):
        assert (one.label_map != other.label_map).mean() < 1e-3


def test_refining_does_not_wait_for_the_device(
    engine: RememberingEngine, clip: list[tuple[Frame, LabelMap]]
) -> None:
    chosen = engine_for(engine, 160)
    static = replace(chosen, compute=StaticCompute(torch.device("cpu"), torch.float32))
    state = Propagation.start(static)
    (first, labels), (second, _), *_ = clip
    state.advance(static.encode(first), only(labels, SMALL))
    encoded = static.encode(second)
    state.advance(encoded)
    step = state.step
    with torch.inference_mode(), NoSync():
        logits = step.propagate(step.features(encoded), encoded, None)
        step.render(logits, encoded)
    assert logits.crop is not None
    assert bool(logits.crop.valid)


@pytest.mark.parametrize(
    ("side", "ids", "image_size"),
    [
        pytest.param(0, (SMALL,), IMAGE_SIZE, id="not wanted"),
        pytest.param(60, (SMALL,), IMAGE_SIZE, id="large objects"),
        pytest.param(110, (1, 2, 3), IMAGE_SIZE, id="objects too far apart"),
        pytest.param(240, (SMALL,), 768, id="pictures with few pixels more"),
    ],
)
def test_frames_without_a_crop(
    engine: RememberingEngine,
    clip: list[tuple[Frame, LabelMap]],
    side: int,
    ids: tuple[int, ...],
    image_size: int,
) -> None:
    chosen = engine_for(engine, side, image_size)
    state = Propagation.start(chosen)
    frame, labels = clip[0]
    state.advance(chosen.encode(frame), only(labels, *ids))
    assert crops_of(state) is None
    assert state.advance(chosen.encode(clip[1][0])).objects[0].visible


@pytest.mark.parametrize(("added", "close"), [(OTHER, True), (2, False)], ids=["close", "far away"])
def test_objects_that_are_added_share_the_window_or_end_it(
    engine: RememberingEngine,
    clip: list[tuple[Frame, LabelMap]],
    added: int,
    close: bool,
) -> None:
    chosen = engine_for(engine, 190)
    state = Propagation.start(chosen)
    (first, labels), (second, later), (third, last), *_ = clip
    state.advance(chosen.encode(first), only(labels, SMALL))
    state.advance(chosen.encode(second), only(later, added))
    result = state.advance(chosen.encode(third))
    assert all(overlap(result.label_map, last, object_id) > 0.8 for object_id in (SMALL, added))
    found = crops_of(state)
    assert close == (found is not None)
    assert found is None or found.masks_s4.shape[-1] == 3


@pytest.mark.gpu
def test_a_gpu_refines_as_the_cpu_does() -> None:
    clip = [
        (Frame(number, f"{number:05d}", np.ascontiguousarray(image), number / 24), labels)
        for number, (image, labels) in enumerate(islice(render_demo(48, SIZE_HW), 24))
    ]
    settings = MethodSettings(image_size=IMAGE_SIZE, small_side=160)
    found, expected = (
        tracked(load_engine(device=device, dtype="float32", settings=settings), clip, SMALL)
        for device in ("cuda", "cpu")
    )
    for one, other in zip(found, expected, strict=True):
        assert overlap(one.label_map, other.label_map, SMALL) > 0.97, one.name
