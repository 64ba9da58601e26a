"""Folders as of YouTube-VOS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from persam_vos.errors import MaskError
from persam_vos.imports.youtube_vos import read_youtube_vos
from persam_vos.media.label_png import write_label_png


@pytest.fixture
def split(tmp_path: Path) -> Path:
    for clip in ("a", "b"):
        (tmp_path / "Annotations" / clip).mkdir(parents=True)
        (tmp_path / "JPEGImages" / clip).mkdir(parents=True)
        for name in ("00000", "00005", "00010"):
            (tmp_path / "JPEGImages" / clip / f"{name}.jpg").touch()
        labels = np.zeros((4, 6), np.uint8)
        labels[1, 2] = 3
        write_label_png(tmp_path / "Annotations" / clip / "00005.png", labels)
    return tmp_path


def test_frames_are_counted_as_the_pictures_are(split: Path) -> None:
    for found in (
        read_youtube_vos(split, clip="a"),
        read_youtube_vos(split / "Annotations" / "a"),
    ):
        (shape,) = found.shapes
        assert (shape.frame, shape.name, shape.object_id) == (1, "00005", 3)


def test_one_of_several_clips_is_chosen(split: Path) -> None:
    with pytest.raises(MaskError, match="one of a, b"):
        read_youtube_vos(split)
    with pytest.raises(MaskError, match="no clip 'c'"):
        read_youtube_vos(split, clip="c")
