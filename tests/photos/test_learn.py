"""References are read from files, with masks or with prompts."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_clip import RememberingEngine

from persam_vos.errors import MediaError
from persam_vos.media.reference_prompts import Prompt
from persam_vos.photos.learn import digest_of, make_reference, read_reference
from persam_vos.photos.method import PhotoReference
from persam_vos.photos.request import ReferencePhoto
from persam_vos.photos.settings import PhotoSettings
from persam_vos.stages.prompts import box_of


def test_a_mask_is_taken_as_it_is_and_a_box_becomes_one(
    small_engine: RememberingEngine, album: Path, shown: PhotoReference
) -> None:
    masked = ReferencePhoto(image=album / "ref.png", masks=str(album / "mask.png"))
    made = make_reference(read_reference(masked, print), small_engine)
    assert (made.labels == shown.labels).all()
    box = box_of(shown.labels > 0)
    prompt = Prompt(object_id=7, box_xyxy=box)
    boxed = ReferencePhoto(image=album / "ref.png", prompts=[prompt])
    made = make_reference(read_reference(boxed, print), small_engine)
    both, either = (made.labels & shown.labels) > 0, (made.labels | shown.labels) > 0
    assert both.sum() / either.sum() > 0.5


def test_what_results_depend_on_is_in_the_digest(album: Path) -> None:
    one = ReferencePhoto(image=album / "ref.png", masks=str(album / "mask.png"))
    digest = digest_of([one], one.files, PhotoSettings())
    assert digest == digest_of([one], one.files, PhotoSettings())
    assert digest != digest_of([one], one.files, PhotoSettings(instances="all"))
    assert digest != digest_of([one], one.files[:1], PhotoSettings())


def test_a_reference_that_cannot_be_read_is_told(album: Path) -> None:
    broken = ReferencePhoto(image=album / "photos" / "broken.jpg", masks=str(album / "mask.png"))
    with pytest.raises(MediaError, match=r"broken\.jpg"):
        read_reference(broken, print)
