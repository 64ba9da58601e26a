"""PerSAM in photos: what is switched off is not used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from demo_clip import DemoFrames, RememberingEngine

from persam_vos.photos.method import PhotoObject, PhotoReference
from persam_vos.photos.persam import PersamPhotos
from persam_vos.photos.settings import PhotoMechanism, PhotoSettings


@pytest.fixture
def found(small_engine: RememberingEngine, demo_frames: DemoFrames, shown: PhotoReference) -> Any:
    """Find object 7 in a later frame."""

    def find(*without: PhotoMechanism, **choice: Any) -> PhotoObject:
        chosen: dict[str, Any] = {"method": "persam", "absent_is_empty": False} | choice
        settings = PhotoSettings(without=frozenset(without), **chosen)
        method = PersamPhotos(small_engine, settings)
        method.learn([shown])
        (one,) = method.segment(demo_frames.frames[3].image)
        return one

    return find


def test_the_location_prior_is_a_positive_and_a_negative_point(found: Any) -> None:
    assert [label for _, _, label in found().points] == [1, 0]
    assert [label for _, _, label in found("negative-point").points] == [1]
    assert found("location-prior").points == ()


def test_the_box_is_that_of_the_refinement(found: Any) -> None:
    assert found().box_xyxy is not None
    assert found("refinement").box_xyxy is None


def test_every_mechanism_changes_the_first_mask(found: Any) -> None:
    plain = found("refinement").mask
    for mechanism in ("guided-attention", "semantic-prompt", "negative-point"):
        assert (found("refinement", mechanism).mask != plain).any(), mechanism
    assert (found("refinement", method="persam-f").mask != plain).any()


def test_scale_weights_are_fitted_for_persam_f_alone(
    small_engine: RememberingEngine, shown: PhotoReference
) -> None:
    thirds = torch.full((3,), 1 / 3)
    for settings, fitted in (
        (PhotoSettings(method="persam-f"), True),
        (PhotoSettings(method="persam-f", without=frozenset({"scale-tuning"})), False),
        (PhotoSettings(method="persam"), False),
    ):
        method = PersamPhotos(small_engine, settings)
        method.learn([shown])
        weights = method._targets[7].scale_weights
        assert float(weights.sum()) == pytest.approx(1, abs=1e-5)
        assert bool(torch.allclose(weights, thirds, atol=1e-3)) is not fitted


def test_an_absent_object_has_an_empty_mask(
    small_engine: RememberingEngine, shown: PhotoReference
) -> None:
    method = PersamPhotos(small_engine, PhotoSettings(method="persam"))
    method.learn([shown])
    (absent,) = method.segment(np.full((64, 96, 3), 128, np.uint8))
    assert absent.present is bool(absent.mask.any())
    assert absent.score <= 1
