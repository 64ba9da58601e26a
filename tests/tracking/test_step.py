"""From an embedding to labels, where shapes are static as they are on a GPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine, overlap
from no_sync import NoSync
from static_compute import StaticCompute
from traced_graph import TracedGraph

from persam_vos.api import load_engine
from persam_vos.backends import torch_encoder
from persam_vos.demo.render import render_demo
from persam_vos.methods.memory import memory_bank
from persam_vos.methods.memory.tracker import MemoryMethod
from persam_vos.runtime import cuda_graph
from persam_vos.runtime.cuda_graph import GraphedModule
from persam_vos.runtime.graphed_step import EagerStep, GraphedStep
from persam_vos.structures import Frame, LabelMap, RgbImage, TrackedFrame
from persam_vos.tracking.engine import Engine
from persam_vos.tracking.propagate import Propagation, track_frames


@pytest.fixture(scope="module")
def static(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, compute=StaticCompute(torch.device("cpu"), torch.float32))


def test_static_shapes_give_the_same_labels(
    engine: RememberingEngine, static: RememberingEngine, demo_frames: DemoFrames
) -> None:
    runs = [Propagation.start(one) for one in (engine, static)]
    for frame, labels in zip(demo_frames.frames, demo_frames.labels, strict=True):
        reference = labels if frame.index == 0 else None
        sparse, whole = (run.advance(engine.encode(frame), reference) for run in runs)
        # The decoder sees the whole picture instead of windows.
        assert (sparse.label_map != whole.label_map).mean() < 2e-3
        for one, other in zip(sparse.objects, whole.objects, strict=True):
            assert one.score == pytest.approx(other.score, abs=0.02)
            area = int((whole.label_map == other.object_id).sum())
            assert other.area_px == area
            assert area == pytest.approx(one.area_px, rel=0.02)


def test_labels_are_made_without_waiting_for_the_device(
    static: RememberingEngine, demo_frames: DemoFrames
) -> None:
    state = Propagation.start(static)
    encoded = static.encode(demo_frames.frames[0])
    pixels = torch.from_numpy(demo_frames.frames[0].image)
    state.advance(encoded, demo_frames.labels[0])
    encoded = replace(encoded, pixels=pixels)
    first = state.advance(encoded)
    step = state.step
    with torch.inference_mode(), NoSync():
        logits = step.propagate(step.features(encoded), encoded, None)
        labels, numbers = step.render(logits, encoded)
    assert numbers.shape == (3, 6)
    assert (labels.numpy() != first.label_map).mean() < 0.01
    assert np.unique(labels).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("size_hw", "small_side"),
    [
        pytest.param((120, 214), 0, id="alone"),
        pytest.param((240, 427), 256, id="with crops", marks=pytest.mark.slow),
    ],
)
def test_graphs_label_as_eager_steps_do_while_objects_come_are_corrected_and_go(
    engine: RememberingEngine,
    monkeypatch: pytest.MonkeyPatch,
    size_hw: tuple[int, int],
    small_side: int,
) -> None:
    captured: list[TracedGraph] = []

    def capture(*args: Any, **options: Any) -> TracedGraph:
        captured.append(TracedGraph(*args, **options))
        return captured[-1]

    monkeypatch.setattr(cuda_graph, "CudaGraph", capture)
    monkeypatch.setattr(memory_bank, "AGES", (1, 2, 3, 4))  # graphable sooner
    compute = StaticCompute(torch.device("cpu"), torch.float32)
    settings = replace(engine.settings, image_size=256, small_side=small_side)
    chosen = Engine(engine.network, compute, settings)
    plain, state = Propagation.start(chosen), Propagation.start(chosen)
    plain.runner = EagerStep(plain.step, compute)
    shown = {0: 1, 1: 2, 7: 3, 9: 1}  # there is capacity for the third, and for a correction
    for number, (image, labels) in enumerate(islice(render_demo(48, size_hw), 13)):
        if number == 11:  # what is left moves: it is run eagerly once, and captured anew
            for one in (plain, state):
                one.remove(2)
        frame = Frame(number, str(number), np.ascontiguousarray(image), 0.0)
        given = labels * (labels == shown[number]) if number in shown else None
        expected, found = (one.advance(chosen.encode(frame), given) for one in (plain, state))
        assert len(captured) == (0 if number <= 3 else 3 if number <= 11 else 6), number
        assert (expected.label_map != found.label_map).mean() < 1e-3
        for mine, other in zip(expected.objects, found.objects, strict=True):
            assert mine.object_id == other.object_id
            assert mine.score == pytest.approx(other.score, abs=1e-3)
    assert [(one.object_id, one.visible) for one in found.objects] == [(1, True), (3, True)]
    assert [one.high_priority for one in captured] == [False, True, False] * 2
    method = state.step.method
    assert isinstance(method, MemoryMethod)
    assert (method.crop_refiner.crop_memory is not None) == (small_side > 0)


def test_a_graphed_encoder_answers_as_the_network_does(
    engine: RememberingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_graph, "CudaGraph", TracedGraph)
    encoder = torch_encoder(engine.network, graphs=True)
    assert isinstance(encoder.layers, GraphedModule)
    chance = torch.Generator().manual_seed(0)
    for _ in range(3):
        images = torch.randn(2, 3, 64, 96, generator=chance)
        with torch.no_grad():
            expected = encoder.eager_layers(images)
            found = encoder.layers(images)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    assert [tuple(size) for size in encoder.layers.graphs] == [(2, 3, 64, 96)]
    assert encoder.not_captured == {}


def tracked(engine: Engine, clip: list[tuple[RgbImage, LabelMap]]) -> list[TrackedFrame]:
    """Track object 1 from the first frame, and the others from the one in the middle."""
    middle = len(clip) // 2
    frames = (
        Frame(number, f"{number:05d}", np.ascontiguousarray(image), number / 24)
        for number, (image, _) in enumerate(clip)
    )
    first, later = clip[0][1], clip[middle][1]
    references = {0: first * (first == 1), middle: later * (later > 1)}
    return list(track_frames(frames, references, engine))


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "least"), [("float32", 0.97), ("bfloat16", 0.93)])
def test_a_gpu_labels_as_the_cpu_does(dtype: str, least: float) -> None:
    clip = list(render_demo(48, (240, 427)))
    expected = tracked(load_engine(device="cpu"), clip)
    found = tracked(load_engine(device="cuda", dtype=dtype), clip)
    assert [one.index for one in found] == list(range(48))
    for one, other in zip(found, expected, strict=True):
        both, either = 0, 0
        for object_id in (result.object_id for result in other.objects):
            ours, theirs = one.label_map == object_id, other.label_map == object_id
            both, either = both + (ours & theirs).sum(), either + (ours | theirs).sum()
        assert both / either > least, f"frame {one.index}"
        for result in one.objects:
            assert result.area_px == (one.label_map == result.object_id).sum()
            assert result.score == pytest.approx(score_of(other, result.object_id), abs=0.1)


def score_of(frame: TrackedFrame, object_id: int) -> float:
    return next(one.score for one in frame.objects if one.object_id == object_id)


@pytest.mark.gpu
def test_a_gpu_replays_what_it_captured() -> None:
    clip = list(render_demo(48, (240, 427)))
    engine = load_engine(device="cuda")
    state = Propagation.start(engine)
    runner = state.runner
    assert isinstance(runner, GraphedStep)
    shown = {0: 1, 1: 2, 24: 3}  # the second adds capacity for the third
    captured = []
    for number, (image, labels) in enumerate(clip[:28]):
        frame = Frame(number, str(number), np.ascontiguousarray(image), 0.0)
        given = labels * (labels == shown[number]) if number in shown else None
        found = state.advance(engine.encode(frame), given)
        parts = (runner._features, runner._propagate, runner._render)
        captured.append([part._graph for part in parts])
    assert all(captured[20])
    assert captured[20] == captured[-1]
    assert not runner.not_captured
    for object_id in (1, 2, 3):
        assert overlap(found.label_map, labels, object_id) > 0.8


@pytest.mark.gpu
def test_a_gpu_replays_what_encoding_a_batch_does() -> None:
    clip = there_and_back_again(list(render_demo(48, (240, 427))), 5 * 48)
    engine = load_engine(device="cuda")
    assert len(tracked(engine, clip)) == 5 * 48
    layers = engine.encoding.layers
    assert isinstance(layers, GraphedModule)
    assert not layers.refusals
    assert [len(size) for size in layers.graphs] == [4]


def there_and_back_again(
    clip: list[tuple[RgbImage, LabelMap]], count: int
) -> list[tuple[RgbImage, LabelMap]]:
    lap = [*clip, *clip[-2:0:-1]]
    return [lap[number % len(lap)] for number in range(count)]


@pytest.mark.gpu
def test_clips_on_one_gpu_do_not_disturb_each_other() -> None:
    clips = [list(render_demo(48, size))[:40] for size in ((240, 427), (180, 320))]
    engine = load_engine(device="cuda", dtype="float32")
    alone = [tracked(engine, clip) for clip in clips]
    with ThreadPoolExecutor(2) as threads, engine.shared() as shared:
        for one_for_all in (shared, engine) * 3:
            together = list(threads.map(partial(tracked, one_for_all), clips))
            for one, other in zip(alone, together, strict=True):
                for ours, theirs in zip(one, other, strict=True):
                    assert (ours.label_map != theirs.label_map).mean() < 2e-3, ours.name
