"""Clips in threads that share an engine, as on a GPU; here on the CPU, with real weights."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames

from persam_vos.batch.workers import run_jobs
from persam_vos.config import MethodSettings
from persam_vos.errors import MediaError, WorkerError
from persam_vos.request import EngineChoice
from persam_vos.runtime.device import Compute
from persam_vos.runtime.oom_batcher import OomBatcher
from persam_vos.runtime.timer import StageTimer
from persam_vos.sam.build import SamNetwork
from persam_vos.structures import Frame, LabelMap
from persam_vos.tracking.engine import Engine
from persam_vos.tracking.propagate import track_frames

WAIT_SECONDS = 60


class HandingIn(StageTimer):
    """Counts the pictures that its clip has handed in."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()
        self.count = 0

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        with super().measure(stage):
            yield
        if stage == "encode":
            with self.changed:
                self.count += 1
                self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.count >= count, timeout=WAIT_SECONDS)


@dataclass
class Clip:
    frames: tuple[Frame, ...]
    labels: LabelMap
    timer: HandingIn = field(default_factory=HandingIn)
    fails_after: int | None = None

    def read(self) -> Iterator[Frame]:
        for index, frame in enumerate(self.frames):
            if index == self.fails_after:
                raise MediaError("clip.mp4", got=f"{index} frames")
            yield frame


def track(clip: Clip, engine: Engine) -> list[LabelMap] | str:
    try:
        tracked = track_frames(clip.read(), {0: clip.labels}, engine, timer=clip.timer)
        return [frame.label_map for frame in tracked]
    except MediaError as error:
        return str(error)


def lost(clip: Clip, why: WorkerError) -> str:
    raise AssertionError(f"no process was started, but {clip}: {why}")


@pytest.fixture
def engine(mobile_sam: SamNetwork) -> Engine:
    """Encodes four pictures at once, small ones: 144 x 256 pixels."""
    return Engine(
        mobile_sam,
        Compute(torch.device("cpu"), torch.float32),
        MethodSettings(image_size=256, small_side=0),
        encode_batcher=OomBatcher(4),
    )


@pytest.fixture
def clips(demo_frames: DemoFrames) -> tuple[Clip, Clip]:
    """Four frames of 480 rows, and three of 465, which need padding to fill the same patches."""
    low = [replace(frame, image=frame.image[:465].copy()) for frame in demo_frames.frames[:3]]
    labels = demo_frames.labels[0]
    return Clip(demo_frames.frames, labels), Clip(tuple(low), labels[:465].copy())


def run(clips: tuple[Clip, ...], engine: Engine) -> dict[int, list[LabelMap] | str]:
    """Run clips at a time; returns what came of each, by its number of frames."""

    def work(clip: Clip, engine: Engine) -> Any:
        return len(clip.frames), track(clip, engine)

    options: dict[str, Any] = {"choice": EngineChoice(), "lost": lost}
    return dict(run_jobs(clips, work, engine=engine, workers=len(clips), **options))


def test_clips_share_batches_and_get_the_masks_that_they_get_alone(
    engine: Engine, clips: tuple[Clip, Clip]
) -> None:
    high, low = clips
    batches: list[tuple[int, int]] = []

    def counted(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if not batches:
            high.timer.wait_for(3)
            low.timer.wait_for(3)
        padded = int((images[:, :, -1] == 0).all(-1).all(-1).sum())
        batches.append((len(images) - padded, padded))
        return engine.network.encode_layers(images)

    shared = replace(engine, encoder=replace(engine.encoding, layers=counted))
    found = run(clips, shared)
    assert tuple(map(sum, zip(*batches, strict=True))) == (4, 3)
    assert all(sum(batch) <= 4 for batch in batches)
    assert any(all(batch) for batch in batches), f"pictures of both clips in one of {batches}"
    for clip in clips:
        alone = track(clip, replace(engine, encode_batcher=OomBatcher(1)))
        np.testing.assert_array_equal(found[len(clip.frames)], alone)


def test_a_clip_that_fails_leaves_the_others_whole(
    engine: Engine, clips: tuple[Clip, Clip]
) -> None:
    high, low = clips
    found = run((high, replace(low, fails_after=2)), engine)
    assert found[3] == "clip.mp4: got 2 frames"
    np.testing.assert_array_equal(found[4], track(high, engine))


def test_a_picture_that_cannot_be_encoded_fails_its_own_clip(
    engine: Engine, clips: tuple[Clip, Clip]
) -> None:
    def choosy(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if (images[:, :, -1] == 0).all(-1).all(-1).any():
            raise MediaError("low.mp4", got="a picture that is padded")
        return engine.network.encode_layers(images)

    found = run(clips, replace(engine, encoder=replace(engine.encoding, layers=choosy)))
    assert found[3] == "low.mp4: got a picture that is padded"
    np.testing.assert_array_equal(found[4], track(clips[0], engine))


def test_leaving_early_ends_the_clips_that_go_on(engine: Engine, clips: tuple[Clip, Clip]) -> None:
    high, low = clips

    class Endless(Clip):
        def read(self) -> Iterator[Frame]:
            index = 0
            while True:
                yield replace(self.frames[index % 3], index=index)
                index += 1

    before = threading.active_count()
    endless = [Endless(low.frames, low.labels) for _ in range(2)]
    jobs = [replace(high, frames=high.frames[:1]), *endless]
    options: dict[str, Any] = {"choice": EngineChoice(), "lost": lost}
    outcomes = run_jobs(jobs, track, engine=engine, workers=2, **options)
    with closing(outcomes):
        np.testing.assert_array_equal(next(outcomes), [high.labels])
    assert threading.active_count() == before
