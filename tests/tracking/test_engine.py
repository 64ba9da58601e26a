"""Which method an engine makes, and how it encodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine
from static_compute import StaticCompute

from persam_vos.config import MethodSettings
from persam_vos.methods.memory.strategy import DenseStrategy, SparseStrategy
from persam_vos.methods.memory.tracker import MemoryMethod
from persam_vos.methods.persam import PersamMethod
from persam_vos.methods.persam_upstream import UpstreamMethod
from persam_vos.runtime.timer import StageTimer
from persam_vos.sam.build import SamNetwork, build_sam, random_state
from persam_vos.tracking.engine import Engine


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"method": "memory"}, MemoryMethod),
        ({"method": "persam"}, PersamMethod),
        ({"method": "persam-f"}, PersamMethod),
        ({"method": "persam-f", "recipe": "upstream"}, UpstreamMethod),
    ],
)
def test_settings_choose_the_method(
    engine: RememberingEngine, settings: dict[str, Any], kind: type
) -> None:
    chosen = replace(engine, settings=MethodSettings(**settings))
    assert type(chosen.new_method()) is kind


def test_the_device_chooses_the_strategy(engine: RememberingEngine) -> None:
    static = replace(engine, compute=StaticCompute(torch.device("cpu"), torch.float32))
    for one, kind in ((engine, SparseStrategy), (static, DenseStrategy)):
        method = one.new_method()
        assert isinstance(method, MemoryMethod)
        assert type(method.strategy) is kind


@pytest.fixture(scope="module")
def network() -> SamNetwork:
    return build_sam("vit_t", random_state("vit_t", seed=0))


@pytest.mark.parametrize(("method", "side_hw"), [("memory", (144, 256)), ("persam", (1024, 1024))])
def test_the_memory_sees_no_padding_and_the_papers_methods_the_square(
    network: SamNetwork, demo_frames: DemoFrames, method: Any, side_hw: tuple[int, int]
) -> None:
    settings = MethodSettings(method=method, image_size=256 if method == "memory" else 1024)
    engine = Engine(network, StaticCompute(torch.device("cpu"), torch.float32), settings)
    prepared = engine.prepare(demo_frames.frames[0])
    assert prepared.image.shape[2:] == side_hw
    assert prepared.ready is None, "a CPU is never behind"


def test_mirror_images_are_encoded_if_the_settings_say_so(
    network: SamNetwork, demo_frames: DemoFrames
) -> None:
    compute = StaticCompute(torch.device("cpu"), torch.float32)
    plain = Engine(network, compute, MethodSettings(image_size=256))
    mirrored = replace(plain, settings=MethodSettings(image_size=256, mirrored=True))
    frame = demo_frames.frames[0]
    flipped = replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))
    once, other, both = plain.encode(frame), plain.encode(flipped), mirrored.encode(frame)
    for name in ("features", "layer_s8", "layer_s4"):
        mean = (getattr(once, name) + getattr(other, name).flip(-1)) / 2
        torch.testing.assert_close(getattr(both, name), mean, rtol=0, atol=1e-4)
    assert torch.equal(both.colours, once.colours)
    (ahead,) = mirrored.encode_ahead([frame], StageTimer())
    with mirrored.shared() as shared:
        (together,) = shared.encode_ahead([frame], StageTimer())
    for one in (ahead, together, mirrored.encode_window(frame)):
        assert one.features.shape[-1] == both.features.shape[-1]
    assert torch.equal(ahead.features, both.features)
    assert torch.equal(together.features, both.features)


def test_frames_are_encoded_in_their_order(network: SamNetwork, demo_frames: DemoFrames) -> None:
    settings = MethodSettings(image_size=256)
    engine = Engine(network, StaticCompute(torch.device("cpu"), torch.float32), settings)
    together = engine.encode_batch(demo_frames.frames)
    alone = list(engine.encode_ahead(iter(demo_frames.frames), StageTimer()))
    assert [one.frame.index for one in together] == [one.frame.index for one in alone]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.features, other.features, atol=1e-5)
