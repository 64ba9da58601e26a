"""Folders of label maps, written by the tests."""

import numpy as np
import pytest
from PIL import Image


def square(*placed, size_hw=(40, 60)):
    """A label map with (id, y, x, side) squares; later ones lie on top."""
    labels = np.zeros(size_hw, np.uint8)
    for object_id, y, x, side in placed:
        labels[y : y + side, x : x + side] = object_id
    return labels


@pytest.fixture
def draw():
    return square


@pytest.fixture
def write_clip(tmp_path):
    """Write label maps as frames 00000.png, ... of a clip; None leaves a frame out."""

    def write(clip, frames, mode="P"):
        folder = tmp_path / clip
        folder.mkdir(parents=True, exist_ok=True)
        for index, labels in enumerate(frames):
            if labels is not None:
                picture = Image.fromarray(labels)
                if mode == "P":
                    picture.putpalette([*range(256)] * 3)
                else:
                    picture = picture.convert(mode)
                picture.save(folder / f"{index:05d}.png")
        return folder

    return write
