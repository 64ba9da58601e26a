"""CVAT for video, read back as CVAT's importer does: the first mask of each track."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from exported_run import COUNT, IDS, SIZE_HW, export, known_labels

from persam_vos.exports.cvat import cvat_runs


def test_every_mask_is_a_track_of_one_frame(image_run: Path, tmp_path: Path) -> None:
    root = ElementTree.parse(export(image_run, "cvat:shapes=masks", tmp_path)).getroot()
    found = np.zeros((COUNT, *SIZE_HW), np.uint8)
    for track in root.iter("track"):
        first, *rest = track.findall("mask")
        assert [one.attrib["outside"] for one in rest] in ([], ["1"])
        facts = first.attrib
        left, top, width, height = (int(facts[k]) for k in ("left", "top", "width", "height"))
        runs = [int(one) for one in facts["rle"].split(",")]
        mask = (np.arange(len(runs)) % 2 == 1).repeat(runs).reshape(height, width)
        part = found[int(facts["frame"]), top : top + height, left : left + width]
        part[mask] = int(track.attrib["group_id"])
    for index in range(COUNT):
        np.testing.assert_array_equal(found[index], known_labels(index))


def test_boxes_are_tracks_that_end_where_the_object_is_gone(
    image_run: Path, tmp_path: Path
) -> None:
    path = export(image_run, "cvat:shapes=boxes,label=a <dog> {id}", tmp_path)
    root = ElementTree.parse(path).getroot()
    outside: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for track in root.iter("track"):
        for box in track.iter("box"):
            outside[track.attrib["label"]][int(box.attrib["frame"])] = box.attrib["outside"]
    assert outside["a <dog> 7"] == {0: "0", 1: "0", 2: "1", 4: "0", 5: "0"}
    names = [one.text for one in root.findall(".//label/name")]
    assert names == [f"a <dog> {one}" for one in IDS]
    first = next(root.iter("box")).attrib
    edges = [float(first[key]) for key in ("xtl", "ytl", "xbr", "ybr")]
    assert edges == [5, 8, 25, 40]


@pytest.mark.parametrize(
    ("row", "runs"), [("0110", [1, 2, 1]), ("1100", [0, 2, 2]), ("0000", [4]), ("1111", [0, 4])]
)
def test_runs_begin_with_zeros(row: str, runs: list[int]) -> None:
    assert cvat_runs(np.array([[char == "1" for char in row]])) == runs
