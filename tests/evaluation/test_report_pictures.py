"""Pictures of the worst frames: which they are, their outlines, and what is said instead."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from persam_vos.evaluation.report_pictures import (
    PREDICTION_RGB,
    TRUTH_RGB,
    FramePlace,
    Picture,
    draw_picture,
    worst_frames,
)
from persam_vos.media.label_png import write_label_png


def labels_at(x: int) -> np.ndarray:
    """A square object in a label map of a tenth of the picture's width."""
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, x : x + 20] = 1
    return labels


@pytest.mark.parametrize(
    ("region", "count", "expected"),
    [([0.9], 2, [0]),
     ([0.9, 0.1, 0.5], 2, [1, 2]),
     ([0.5, 0.5, 0.5], 1, [0]),
     ([1.0] * 8 + [0.2, 0.1, 0.2] + [1.0] * 8 + [0.8], 2, [9, 19])],
    ids=["one frame", "worst first", "ties", "no neighbours"],
)  # fmt: skip
def test_worst_frames_are_the_worst_by_region(region, count, expected):
    assert worst_frames(region, region, count) == expected


def test_boundary_decides_where_regions_are_equal():
    assert worst_frames([0.0, 0.0, 1.0], [0.3, 0.1, 1.0], 1) == [1]


def picture_of(
    tmp_path: Path, truth: np.ndarray, predicted: np.ndarray | None
) -> tuple[Picture, np.ndarray]:
    image = Image.new("RGB", (1200, 800), (20, 20, 20))
    image.save(tmp_path / "image.png")
    write_label_png(tmp_path / "truth.png", truth)
    if predicted is not None:
        write_label_png(tmp_path / "predicted.png", predicted)
    place = FramePlace(
        tmp_path / "image.png",
        tmp_path / "truth.png",
        None if predicted is None else tmp_path / "predicted.png",
    )
    picture = draw_picture(place, [1], single=False)
    content = base64.b64decode(picture.address.removeprefix("data:image/jpeg;base64,"))
    return picture, np.array(Image.open(io.BytesIO(content))).astype(int)


def test_outlines_lie_where_the_objects_end_and_have_their_colours(tmp_path):
    picture, pixels = picture_of(tmp_path, labels_at(10), labels_at(35))
    assert picture.size_hw == pixels.shape[:2] == (400, 600)
    # Labels are a tenth of the picture's width: truth ends at columns 100 and 300.
    for column, colour in ((103, TRUTH_RGB), (295, TRUTH_RGB), (353, PREDICTION_RGB)):
        near = pixels[200, column - 4 : column + 5]
        assert np.abs(near - colour).sum(axis=1).min() < 90
    assert pixels[200, 200].max() < 60


@pytest.mark.parametrize(
    ("truth", "predicted", "remark"),
    [(labels_at(10), labels_at(0), ""), (labels_at(10), None, "nothing predicted"),
     (labels_at(10), 7 * labels_at(10), "nothing predicted"),
     (0 * labels_at(0), labels_at(10), "nothing in the truth")],
    ids=["both", "no file", "another object", "object gone"],
)  # fmt: skip
def test_what_cannot_be_seen_is_remarked(tmp_path, truth, predicted, remark):
    assert picture_of(tmp_path, truth, predicted)[0].remark == remark


def test_what_cannot_be_shown_is_said_in_its_place(tmp_path):
    truth = tmp_path / "truth.png"
    write_label_png(truth, labels_at(10))
    picture = draw_picture(FramePlace(None, truth, truth), [1], single=False)
    assert (picture.address, picture.problem) == ("", "There is no picture of this frame.")
    gone = draw_picture(FramePlace(tmp_path / "gone.jpg", truth, truth), [1], single=False)
    assert "gone.jpg" in gone.problem
