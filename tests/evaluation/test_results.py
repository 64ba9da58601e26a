"""The files of a run: which may be replaced, who may write, and archives that never differ."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from persam_vos.datasets.clips import Clip, FirstMask, Split
from persam_vos.errors import OutputError
from persam_vos.evaluation.clip_file import begin_clip
from persam_vos.evaluation.results import (
    check_output,
    output_folder,
    result_names,
    score_texts,
    write_run_file,
    write_submission,
)
from persam_vos.media.label_png import write_label_png
from persam_vos.scoring import SequenceScore, SplitScore


@pytest.fixture
def split(tmp_path: Path) -> Split:
    clip = Clip("clip", (), (), (FirstMask(0, tmp_path / "0.png"),))
    return Split("folder", "all", tmp_path, tmp_path, "multi", (clip,), "Annotations")


def test_results_say_what_they_are_of(split: Split) -> None:
    scores = np.full((1, 1), 0.5)
    score = SplitScore((SequenceScore("clip", ("00001",), (1,), scores, scores),))
    texts = score_texts(score, split, {"mode": "multi"})
    assert set(texts) < set(result_names(split))
    told = json.loads(texts["results.json"])
    assert list(told)[:2] == ["version", "run"]
    assert told["run"] == {
        "dataset": "folder",
        "split": "all",
        "mode": "multi",
        "settings": {"mode": "multi"},
    }
    assert told["global"]["J&F-Mean"] == 0.5


def test_one_run_at_a_time_writes_to_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with output_folder(folder, (), overwrite=False):
        other = output_folder(folder, (), overwrite=False)
        with pytest.raises(OutputError, match="another run is writing to"):
            other.__enter__()
    with output_folder(folder, (), overwrite=False):
        pass


def test_results_go_before_a_run_and_masks_only_to_start_over(tmp_path: Path) -> None:
    begin_clip(tmp_path / "predictions/clip", [])
    (tmp_path / "results.json").touch()
    (tmp_path / "notes.txt").touch()
    with output_folder(tmp_path, ("results.json",), overwrite=False):
        assert {path.name for path in tmp_path.glob("[!.]*")} == {"notes.txt", "predictions"}
    with output_folder(tmp_path, ("results.json",), overwrite=True):
        assert {path.name for path in tmp_path.glob("[!.]*")} == {"notes.txt"}


def test_only_a_run_that_tracked_is_taken_up_again(tmp_path: Path) -> None:
    names = ("results.json",)
    check_output(tmp_path / "new", names, resume=True, overwrite=False)
    (tmp_path / "results.json").touch()
    with pytest.raises(OutputError, match=r"no earlier run lists as its own: results\.json"):
        check_output(tmp_path, names, resume=False, overwrite=True)
    for settings in (None, {"mode": "multi"}):
        write_run_file(tmp_path, {"settings": settings})
        for resume in (False, True):
            if resume and settings:
                check_output(tmp_path, names, resume=True, overwrite=False)
            else:
                with pytest.raises(OutputError, match=r"already holds results\.json, run\.json"):
                    check_output(tmp_path, names, resume=resume, overwrite=False)
    check_output(tmp_path, names, resume=False, overwrite=True)
    with pytest.raises(OutputError, match="got a file, expected a folder"):
        check_output(tmp_path / "run.json", names, resume=True, overwrite=True)


def test_the_same_masks_give_the_same_archive(split: Split, tmp_path: Path) -> None:
    archives = []
    for _ in range(2):
        (tmp_path / "predictions/clip").mkdir(parents=True, exist_ok=True)
        write_label_png(tmp_path / "predictions/clip/00000.png", np.eye(8, dtype=np.uint8))
        archives.append(write_submission(tmp_path, split).read_bytes())
    assert archives[0] == archives[1]
    with zipfile.ZipFile(tmp_path / "submission.zip") as archive:
        assert archive.namelist() == ["Annotations/clip/00000.png"]
