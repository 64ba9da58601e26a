"""Boxes, read back by the standard library."""

from __future__ import annotations

import configparser
import csv
import json
from pathlib import Path

import pytest
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


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_trackeval_reads_results_and_truth(image_run: Path, tmp_path: Path) -> None:
    """A run against itself, by the evaluation of MOTChallenge: everything is 1."""
    trackeval = pytest.importorskip("trackeval", reason="pip install trackeval")
    truth = export(image_run, "mot:layout=folder", tmp_path)

    sequence = tmp_path / "truth" / "shots"
    sequence.parent.mkdir()
    truth.rename(sequence)
    results = tmp_path / "trackers" / "ours" / "data"
    results.mkdir(parents=True)
    export(image_run, "mot", tmp_path).rename(results / "shots.txt")
    quiet = {"PRINT_CONFIG": False}
    dataset = trackeval.datasets.MotChallenge2DBox(
        quiet
        | {
            "GT_FOLDER": str(sequence.parent),
            "TRACKERS_FOLDER": str(tmp_path / "trackers"),
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {"shots": COUNT},
            "DO_PREPROC": False,
        }
    )
    raw = dataset.get_raw_seq_data("ours", "shots")
    data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
    assert (data["num_timesteps"], data["num_gt_ids"]) == (COUNT, len(IDS))
    scores = trackeval.metrics.HOTA().eval_sequence(data)
    assert scores["HOTA"].min() == scores["DetA"].min() == scores["AssA"].min() == 1
    clear = trackeval.metrics.CLEAR(quiet).eval_sequence(data)
    assert (clear["MOTA"], clear["CLR_FN"], clear["CLR_FP"], clear["IDSW"]) == (1, 0, 0, 0)
