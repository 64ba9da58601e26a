"""Boxes, read back by the standard library."""

from __future__ import annotations

import configparser
import csv
import json
from pathlib import Path

from exported_run import COUNT, IDS, export, known_box


def test_csv_has_a_row_for_each_object_and_frame(video_run: Path, tmp_path: Path) -> None:
    with export(video_run, "boxes-csv", tmp_path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == COUNT * len(IDS)
    for row in rows:
        box = [int(row[key]) for key in ("x", "y", "width", "height") if row[key]]
        assert (box or None) == known_box(int(row["frame"]), int(row["object_id"]))
    assert rows[6]["time_seconds"] == "0.300000"


def test_json_lines_have_null_where_there_is_no_box(image_run: Path, tmp_path: Path) -> None:
    lines = export(image_run, "boxes-jsonl", tmp_path).read_text().splitlines()
    frames = [json.loads(line) for line in lines]
    assert [frame["name"] for frame in frames] == [f"shot{i}" for i in range(COUNT)]
    for frame in frames:
        for one in frame["objects"]:
            assert one["box_xywh"] == known_box(frame["frame"], one["object_id"])


def test_mot_counts_from_one(image_run: Path, tmp_path: Path) -> None:
    lines = export(image_run, "mot", tmp_path).read_text().splitlines()
    rows = [[float(part) for part in line.split(",")] for line in lines]
    assert len(rows) == 10
    for frame, object_id, x, y, width, height, score, *rest in rows:
        assert [x - 1, y - 1, width, height] == known_box(int(frame) - 1, int(object_id))
        assert 0 < score < 1
        assert rest == [-1, -1, -1]


def test_mot_sequences_say_what_they_are(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "mot:layout=folder", tmp_path)
    parser = configparser.ConfigParser()
    parser.read(folder / "seqinfo.ini")
    facts = parser["Sequence"]
    assert (facts["seqLength"], facts["frameRate"], facts["imWidth"]) == ("6", "24", "71")
    assert len((folder / "gt/gt.txt").read_text().splitlines()) == 10
