"""The examples in the docstrings of what is public run as they stand."""

from __future__ import annotations

import doctest
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from persam_vos.config import MethodSettings
from persam_vos.demo import render_demo
from persam_vos.media.label_png import write_label_png
from persam_vos.media.video_writer import VideoWriter
from persam_vos.runtime.device import Compute
from persam_vos.sam.build import SamNetwork
from persam_vos.structures import SourceInfo
from persam_vos.tracking.engine import Engine

MODULES = (
    *("", ".api", ".checking.check", ".dreambooth.loss", ".dreambooth.transforms", ".errors"),
    *(".photos.run", ".request", ".tracking.live"),
)
SIZE_HW = (90, 160)


@pytest.fixture
def names(mobile_sam: SamNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Work beside a clip of two frames; what examples may name: its pictures and an engine."""
    monkeypatch.chdir(tmp_path)
    rendered = list(render_demo(2, SIZE_HW))
    info = SourceInfo("clip.mp4", "images", SIZE_HW, len(rendered), Fraction(24))
    with VideoWriter(Path("clip.mp4"), info) as writer:
        for index, (image, _) in enumerate(rendered):
            writer.write(image, index / 24)
    write_label_png(Path("first_mask.png"), rendered[0][1])
    Image.fromarray(rendered[0][0]).save("photo.jpg")
    write_label_png(Path("photo.png"), rendered[0][1])
    compute = Compute(torch.device("cpu"), torch.float32)
    engine = Engine(mobile_sam, compute, MethodSettings(image_size=256))
    images, labels = zip(*rendered, strict=True)
    return {"Path": Path, "engine": engine, "images": images, "labels": labels}


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, names: Any) -> None:
    module = import_module(f"persam_vos{name}")
    found = doctest.testmod(module, extraglobs=names)
    assert found.attempted > 0
    assert found.failed == 0
