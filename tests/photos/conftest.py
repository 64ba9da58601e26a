"""A small engine, and photos of the demo clip in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine, make_engine
from PIL import Image

from persam_vos.config import MethodSettings
from persam_vos.media.label_png import write_label_png
from persam_vos.photos.method import PhotoReference
from persam_vos.sam.build import SamNetwork


@pytest.fixture(scope="package")
def small_engine(mobile_sam: SamNetwork) -> RememberingEngine:
    """The real network on pictures of 256 pixels: quick, and sure of little."""
    return replace(make_engine(mobile_sam), settings=MethodSettings(image_size=256))


@pytest.fixture(scope="package")
def paper_engine(mobile_sam: SamNetwork) -> RememberingEngine:
    """The real network as the paper's methods want it."""
    return replace(make_engine(mobile_sam), settings=MethodSettings(method="persam"))


@pytest.fixture(scope="package")
def shown(demo_frames: DemoFrames) -> PhotoReference:
    """The demo clip's first frame, with object 3 as 7."""
    labels = np.where(demo_frames.labels[0] == 3, 7, 0).astype(np.uint8)
    return PhotoReference(demo_frames.frames[0].image, labels)


@pytest.fixture
def album(tmp_path: Path, demo_frames: DemoFrames, shown: PhotoReference) -> Path:
    """A folder with a reference, its mask, and photos: two good, one broken."""
    Image.fromarray(shown.image).save(tmp_path / "ref.png")
    write_label_png(tmp_path / "mask.png", shown.labels)
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(demo_frames.frames[1].image).save(photos / "a.png")
    (photos / "broken.jpg").write_bytes(b"no photo")
    Image.fromarray(demo_frames.frames[3].image).save(photos / "c.png")
    return tmp_path
