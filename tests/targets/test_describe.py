from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine

from persam_vos.stages.decode import Decoder
from persam_vos.targets.describe import describe_reference, fit_scales, in_picture
from persam_vos.targets.target import SourceFile, TargetReference

FILES = (SourceFile("a.jpg", 1, "00"), SourceFile("a.png", 1, "00"))


@pytest.fixture(scope="module")
def reference(engine: RememberingEngine, demo_frames: DemoFrames) -> TargetReference:
    encoded = engine.encode(demo_frames.frames[0])
    return describe_reference(encoded, demo_frames.labels[0], (1, 2, 3), files=FILES)


def test_cells_are_on_the_objects_or_beside_them(reference: TargetReference) -> None:
    on, beside = reference.objects, reference.background
    assert reference.object_ids == (1, 2, 3)
    assert (on.coverage.amax(1) >= 0.5).all()
    assert (beside.coverage.sum(1) < 0.05).all()
    assert on.features.dtype == beside.features.dtype == torch.float16
    assert torch.allclose(on.features.float().norm(dim=1), torch.tensor(1.0), atol=1e-2)


def test_many_pictures_share_the_room(
    engine: RememberingEngine, demo_frames: DemoFrames, reference: TargetReference
) -> None:
    encoded = engine.encode(demo_frames.frames[0])
    labels = demo_frames.labels[0]
    small = describe_reference(encoded, labels, (1, 2, 3), files=FILES, pictures=32)
    assert len(small.objects.features) <= 64 < len(reference.objects.features)
    assert len(small.background.features) == 64


def test_an_object_that_is_not_shown_is_left_out(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    encoded = engine.encode(demo_frames.frames[0])
    labels = np.where(demo_frames.labels[0] == 2, 2, 0).astype(np.uint8)
    one = describe_reference(encoded, labels, (1, 2, 3), files=FILES)
    assert one.object_ids == (2,)
    assert not one.objects.coverage[:, [0, 2]].any()


def test_an_object_smaller_than_a_cell_has_cells(
    engine: RememberingEngine, demo_frames: DemoFrames
) -> None:
    labels = np.zeros_like(demo_frames.labels[0])
    labels[60, 80] = 1
    one = describe_reference(engine.encode(demo_frames.frames[0]), labels, (1,), files=FILES)
    assert len(one.objects.features) > 0


def test_thumbnails_show_picture_and_labels(
    reference: TargetReference, demo_frames: DemoFrames
) -> None:
    assert max(reference.thumbnail.shape) <= 160
    assert reference.thumbnail.shape[:2] == reference.thumbnail_labels.shape
    assert {*np.unique(reference.thumbnail_labels)} <= {*np.unique(demo_frames.labels[0])}


def test_scale_weights_sum_to_one(engine: RememberingEngine, demo_frames: DemoFrames) -> None:
    encoded = engine.encode(demo_frames.frames[0])
    masks = torch.from_numpy(np.stack([demo_frames.labels[0] == i for i in (1, 2)]))
    weights = fit_scales(Decoder(engine.network, engine.compute), encoded, masks)
    assert weights.shape == (2, 3)
    assert torch.allclose(weights.sum(1), torch.tensor(1.0), atol=1e-5)


def test_padding_is_not_in_the_picture(engine: RememberingEngine, demo_frames: DemoFrames) -> None:
    encoded = engine.encode(demo_frames.frames[0])
    height, width = encoded.features.shape[-2:]
    narrow = replace(encoded, input_hw=(40, 100))
    inside = in_picture((2 * height, 2 * width), narrow)
    assert inside.sum() == 5 * 12  # centres at 4, 12, ... 36 and 4, ... 92
