"""YouTube-VIS by pycocotools, and YouTube-VOS by this package's own reader of the data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from exported_run import COUNT, IDS, chart_picture, export, known_labels, read_png

from persam_vos.datasets.youtube_vos import youtube_vos_clips


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools itself
def test_vis_has_run_lengths_of_every_frame(image_run: Path, tmp_path: Path) -> None:
    coco_mask = pytest.importorskip("pycocotools.mask")
    facts = json.loads(export(image_run, "youtube-vis", tmp_path).read_text())
    (video,) = facts["videos"]
    assert (video["length"], len(video["file_names"])) == (COUNT, COUNT)
    assert [one["id"] for one in facts["annotations"]] == list(IDS)
    for one in facts["annotations"]:
        for index, runs in enumerate(one["segmentations"]):
            mask = known_labels(index) == one["id"]
            if runs is None:
                assert not mask.any()
                assert one["bboxes"][index] is one["areas"][index] is None
            else:
                np.testing.assert_array_equal(coco_mask.decode(runs), mask)
    assert facts["annotations"][0]["score"] == pytest.approx(0.775)


def test_vos_is_a_data_set(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "youtube-vos:images=png", tmp_path)
    (clip,), _ = youtube_vos_clips(folder, split="valid", names=None)
    assert clip.name == "shots"
    assert len(clip.images) == COUNT
    for index, (image, labels) in enumerate(zip(clip.images, clip.annotations, strict=True)):
        np.testing.assert_array_equal(read_png(image), chart_picture(index))
        np.testing.assert_array_equal(read_png(labels), known_labels(index))
