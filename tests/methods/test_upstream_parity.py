"""`--recipe upstream` against what the upstream programs wrote with the same weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_clip import RememberingEngine, overlap

from persam_vos.config import MethodSettings
from persam_vos.media.label_png import read_label_map
from persam_vos.media.reader import open_source
from persam_vos.methods.persam_upstream import UpstreamMethod
from persam_vos.structures import Frame, LabelMap
from persam_vos.tracking.propagate import Propagation

CLIP = "dog-agility"
FRAMES = 10

Run = Callable[[str], tuple[UpstreamMethod, list[LabelMap]]]


@pytest.fixture(scope="module")
def frames(shared_dir: Path) -> list[Frame]:
    images = shared_dir / "data/davis16-dev/JPEGImages/480p" / CLIP
    return list(islice(open_source(images).frames(), FRAMES))


@pytest.fixture(scope="module")
def run(shared_dir: Path, frames: list[Frame], engine: RememberingEngine) -> Run:
    """Track the clip by a method; returns what it learnt and its label maps."""
    truth = shared_dir / "data/davis16-dev/Annotations/480p" / CLIP / "00000.png"
    reference = read_label_map(truth)
    memory: Any = dict(engine.memory)  # the clip's embeddings are forgotten with this module

    def track(name: Any) -> tuple[UpstreamMethod, list[LabelMap]]:
        chosen = replace(
            engine, settings=MethodSettings(method=name, recipe="upstream"), memory=memory
        )
        state = Propagation.start(chosen)
        method = state.step.method
        assert isinstance(method, UpstreamMethod)
        found = [
            state.advance(chosen.encode(frame), None if frame.index else reference).label_map
            for frame in frames
        ]
        return method, found

    return track


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(("name", "folder"), [("persam-f", "persam_f"), ("persam", "persam")])
def test_masks_and_weights_are_those_of_the_public_program(
    shared_dir: Path, run: Run, name: str, folder: str
) -> None:
    theirs = shared_dir / "parity/public-recipe"
    method, found = run(name)
    agreement = [
        overlap(found[index], read_label_map(theirs / folder / CLIP / f"{index:05d}.png"), 1)
        for index in range(1, FRAMES)
    ]
    assert np.mean(agreement) >= 0.99, agreement
    if name == "persam-f":
        fitted = json.loads((theirs / "weights.json").read_text())[CLIP]["1"]
        assert method.scale_weights[1].tolist() == pytest.approx(fitted, abs=0.01)
    else:
        assert method.scale_weights == {}
