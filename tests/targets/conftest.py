"""A target of the demo clip's objects, and a picture without them."""

from __future__ import annotations

import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine

from persam_vos.structures import Encoded, Frame
from persam_vos.targets.find import TargetFinder
from persam_vos.targets.target import SourceFile, Target
from persam_vos.tracking.targets import ReferencePicture, describe_target, new_finder

NOBODY = SourceFile("", 0, "")


@pytest.fixture(scope="session")
def target(engine: RememberingEngine, demo_frames: DemoFrames) -> Target:
    """The objects 2 and 3 of the demo clip's first frame."""
    labels = np.where(demo_frames.labels[0] > 1, demo_frames.labels[0], 0).astype(np.uint8)
    picture = ReferencePicture(demo_frames.frames[0], labels, (NOBODY, NOBODY), ())
    return describe_target([picture], engine)


@pytest.fixture(scope="session")
def finder(engine: RememberingEngine, target: Target) -> TargetFinder:
    """What finds them."""
    return new_finder(target, engine)


@pytest.fixture(scope="session")
def last(engine: RememberingEngine, demo_frames: DemoFrames) -> Encoded:
    """The demo clip's last frame, which shows all objects."""
    return engine.encode(demo_frames.frames[-1])


@pytest.fixture(scope="session")
def elsewhere(engine: RememberingEngine, demo_frames: DemoFrames) -> Encoded:
    """A picture of the same size that shows none of them: stripes and noise."""
    image = np.random.default_rng(0).integers(0, 60, demo_frames.frames[0].image.shape)
    image[:, ::9] += 150
    return engine.encode(Frame(0, "elsewhere", image.astype(np.uint8), 0.0))
