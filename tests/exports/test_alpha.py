"""Soft masks: kept ones, and those made of labels."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from persam_vos.errors import MediaError
from persam_vos.exports.alpha import alphas, together
from persam_vos.exports.clip import open_clip
from persam_vos.stages.coverage import coverage_of_mask


def test_kept_masks_are_read_and_others_are_made(image_run: Path, video_run: Path) -> None:
    for run in (image_run, video_run):
        clip = open_clip(run)
        for frame in clip.frames():
            found = alphas(clip, frame)
            assert set(found) == {one.object_id for one in frame.visible}
            for object_id, alpha in found.items():
                made = coverage_of_mask(frame.labels == object_id)
                np.testing.assert_array_equal(alpha, made)


def test_a_kept_mask_that_is_damaged_is_named(image_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(image_run, tmp_path / "run")
    clip = open_clip(run)
    frame = next(clip.frames())
    (run / "alpha/2/shot0.png").write_text("no picture")
    with pytest.raises(MediaError, match=r"alpha/2/shot0\.png: got no soft mask"):
        alphas(clip, frame)
    Image.new("L", (3, 4)).save(run / "alpha/2/shot0.png")
    with pytest.raises(MediaError, match="3 x 4"):
        alphas(clip, frame)


def test_coverage_adds_up_to_all_of_a_pixel() -> None:
    one = np.full((2, 2), 200, np.uint8)
    assert (together({1: one, 2: one}, (2, 2)) == 255).all()
    assert (together({}, (2, 2)) == 0).all()
