"""Each choice has its method."""

from __future__ import annotations

import pytest
from demo_clip import RememberingEngine

from persam_vos.photos.make import new_photo_method
from persam_vos.photos.settings import PhotoSettings


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (PhotoSettings(), "MatchPhotos"),
        (PhotoSettings(method="persam"), "PersamPhotos"),
        (PhotoSettings(method="persam-f"), "PersamPhotos"),
        (PhotoSettings(method="persam-f", recipe="upstream"), "UpstreamPhotos"),
    ],
)
def test_each_choice_has_its_method(
    paper_engine: RememberingEngine, settings: PhotoSettings, name: str
) -> None:
    assert type(new_photo_method(paper_engine, settings)).__name__ == name
