"""Crops that follow objects."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from exported_run import COUNT, IDS, TIMES, export, read_png

from persam_vos.errors import MediaError
from persam_vos.media.reader import open_source


def test_each_object_has_a_video_with_the_times_of_the_source(
    video_run: Path, tmp_path: Path
) -> None:
    folder = export(video_run, "crops:size=48", tmp_path)
    for object_id in IDS:
        source = open_source(folder / f"{object_id}.mp4")
        assert source.info.size_hw == (48, 48)
        assert [one.time_seconds for one in source.frames()] == pytest.approx(TIMES, abs=0.001)
    with (folder / "windows.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == COUNT * len(IDS)


def test_the_rest_can_be_transparent(image_run: Path, tmp_path: Path) -> None:
    folder = export(image_run, "crops:images=png,background=black", tmp_path)
    pixels = read_png(folder / "7/shot0.png")
    assert pixels.shape[2] == 4
    assert pixels[..., 3].max() == 255
    assert (pixels[..., 3] == 0).any()


def test_a_run_without_any_object_is_refused(image_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(image_run, tmp_path / "run")
    log = json.loads((run / "track.json").read_text())
    for frame in log["frames"]:
        for one in frame["objects"]:
            one.update(box_xyxy=None, area_px=0)
    (run / "track.json").write_text(json.dumps(log))
    with pytest.raises(MediaError, match="no object on any frame"):
        export(run, "crops", tmp_path)
