"""A few frames of the demo clip, and an engine that encodes each picture once a session."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import torch

from persam_vos.config import MethodSettings
from persam_vos.demo.render import render_demo
from persam_vos.methods.base import Method
from persam_vos.runtime.device import Compute
from persam_vos.sam.build import SamNetwork
from persam_vos.structures import Encoded, Frame, LabelMap, ObjectLogits
from persam_vos.tracking.engine import Engine

FRAME_COUNT = 4


@dataclass(frozen=True)
class RememberingEngine(Engine):
    """An engine that keeps embeddings: encoding is what takes a second a frame."""

    memory: dict[bytes, Encoded] = field(default_factory=dict)

    def encode_batch(self, frames: Sequence[Frame]) -> list[Encoded]:
        square = self.settings.method != "memory"
        return [self._remembered(frame, square=square) for frame in frames]

    def encode_window(self, frame: Frame) -> Encoded:
        return self._remembered(frame, square=True)

    def _remembered(self, frame: Frame, *, square: bool) -> Encoded:
        chosen = self.settings.image_size, self.settings.mirrored
        facts = bytes(f"{frame.size_hw} {square} {chosen}", "ascii")
        key = hashlib.sha1(frame.image.tobytes() + facts).digest()
        if key not in self.memory:
            (self.memory[key],) = self._encode([self.prepare(frame, square=square)])
        return replace(self.memory[key], frame=frame)


@dataclass(frozen=True)
class DemoFrames:
    """Frames and their exact label maps, three objects each."""

    frames: tuple[Frame, ...]
    labels: tuple[LabelMap, ...]


def make_engine(network: SamNetwork) -> RememberingEngine:
    compute = Compute(torch.device("cpu"), torch.float32)
    return RememberingEngine(network, compute, MethodSettings(), {"name": "mobile-sam"})


def first_frames() -> DemoFrames:
    rendered = list(islice(render_demo(), FRAME_COUNT))
    frames = tuple(
        Frame(index, f"{index:05d}", image, index / 24) for index, (image, _) in enumerate(rendered)
    )
    return DemoFrames(frames, tuple(labels for _, labels in rendered))


def propagated(
    method: Method[Any], encoded: Encoded, previous: LabelMap | None = None
) -> ObjectLogits:
    """What a method returns for its next frame."""
    return method.propagate(method.features(encoded), encoded, previous)


def overlap(found: LabelMap, truth: LabelMap, object_id: int, *, as_id: int | None = None) -> float:
    """IoU of one object; 1 where both are empty."""
    a, b = found == (as_id or object_id), truth == object_id
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
