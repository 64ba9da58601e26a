"""Our own method finds what was shown, says what is not there, and finds several of a kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine
from made_targets import made_target

from persam_vos.errors import TargetError
from persam_vos.photos.match import MatchPhotos
from persam_vos.photos.method import PhotoReference
from persam_vos.photos.settings import PhotoSettings


@pytest.mark.slow
def test_what_was_shown_is_found_again_and_nothing_in_noise(
    engine: RememberingEngine, demo_frames: DemoFrames, shown: PhotoReference
) -> None:
    method = MatchPhotos(engine, PhotoSettings())
    method.learn([shown])
    (found,) = method.segment(demo_frames.frames[3].image)
    truth = demo_frames.labels[3] == 3
    assert (found.object_id, found.present) == (7, True)
    assert (found.mask & truth).sum() / (found.mask | truth).sum() > 0.8
    assert found.confidence.max() > 0.9
    assert found.points
    noise = np.random.default_rng(0).integers(0, 60, shown.image.shape).astype(np.uint8)
    (absent,) = method.segment(noise)
    assert not absent.present
    assert not absent.mask.any()
    assert absent.instances == ()


@pytest.mark.slow
def test_all_instances_are_found_if_they_are_asked_for(
    engine: RememberingEngine, shown: PhotoReference
) -> None:
    twice = np.concatenate([shown.image, shown.image], axis=0)
    for instances, count in (("all", 2), ("best", 1)):
        method = MatchPhotos(engine, PhotoSettings(instances=instances))  # type: ignore[arg-type]
        method.learn([shown])
        (found,) = method.segment(twice)
        assert len(found.instances) == count


def test_a_mask_is_given_even_for_doubtful_objects_if_asked_for(
    small_engine: RememberingEngine, shown: PhotoReference
) -> None:
    method = MatchPhotos(small_engine, PhotoSettings(absent_is_empty=False))
    method.learn([shown, shown])
    (found,) = method.segment(shown.image)
    assert method.object_ids == (7,)
    assert found.mask.any()
    assert found.mask.shape == shown.labels.shape


def test_a_target_of_another_network_is_refused(small_engine: RememberingEngine) -> None:
    other = replace(made_target().network, weights="sam-vit-h")
    with pytest.raises(TargetError, match="sam-vit-h"):
        MatchPhotos(small_engine, PhotoSettings()).use(replace(made_target(), network=other))
