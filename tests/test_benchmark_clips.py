"""Clips of the benchmarks, forwards and backwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.clips import find_clips


def test_backwards_a_clip_begins_with_the_last_frame_that_shows_an_object(tmp_path: Path) -> None:
    images, truth = (
        tmp_path / "set" / kind / "480p" / "clip" for kind in ("JPEGImages", "Annotations")
    )
    for folder in (images, truth):
        folder.mkdir(parents=True)
    for index, shown in enumerate((True, False, True, True, False)):
        picture = np.full((4, 6), 50 * index, np.uint8)
        Image.fromarray(picture).convert("RGB").save(images / f"{index:05d}.jpg")
        mask = np.zeros((4, 6), np.uint8)
        mask[0, :index] = 255 * shown
        mask[3, 0] = 255 * shown
        Image.fromarray(mask).save(truth / f"{index:05d}.png")
    (clip,) = find_clips(tmp_path, sets=["set"])
    turned = clip.backwards()
    assert turned.name == "clip-backwards"
    assert [int(frame.image[0, 0, 0]) for frame in turned.frames()] == [150, 100, 50, 0]
    assert [frame.index for frame in turned.frames()] == [0, 1, 2, 3]
    assert [int(labels.sum()) for labels in turned.true_labels()] == [4, 3, 0, 1]
