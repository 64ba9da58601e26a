"""Finished runs, read back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from exported_run import COUNT, IDS, SIZE_HW, TIMES, chart_picture, known_labels, write_run

from persam_vos.errors import MediaError, ScoringError
from persam_vos.exports.clip import open_clip


def test_frames_have_labels_scores_and_times(video_run: Path) -> None:
    clip = open_clip(video_run)
    assert (clip.name, clip.object_ids, clip.complete, len(clip)) == ("clip", IDS, True, COUNT)
    frames = list(clip.frames())
    assert [frame.time_seconds for frame in frames] == pytest.approx(TIMES)
    for frame in frames:
        np.testing.assert_array_equal(frame.labels, known_labels(frame.index))
        assert len(frame.objects) == 2
        assert len(frame.visible) == (1 if frame.index in (2, 3) else 2)


def test_pictures_are_those_of_the_source(video_run: Path) -> None:
    seen: list[int] = []
    clip = open_clip(video_run)
    for frame in clip.pictures():
        np.testing.assert_array_equal(frame.image, chart_picture(frame.index))
        seen.append(frame.index)
    assert seen == list(range(COUNT))


def test_a_run_that_began_later_has_the_pictures_of_there(image_run: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "later", image_run.parent / "shots", first=3)
    frames = list(open_clip(run).pictures())
    assert [frame.index for frame in frames] == [3, 4, 5]
    np.testing.assert_array_equal(frames[0].image, chart_picture(3))


def test_a_video_that_was_moved_is_asked_for(video_run: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.mkv"
    shutil.copy(video_run.parent / "clip.mkv", moved)
    with pytest.raises(MediaError, match="say with source where"):
        next(open_clip(video_run, source=str(tmp_path / "nothing.mkv")).pictures())
    assert len(list(open_clip(video_run, source=str(moved)).pictures())) == COUNT


def test_another_video_is_refused(video_run: Path, image_run: Path, tmp_path: Path) -> None:
    shots = image_run.parent / "shots"
    (tmp_path / "few").mkdir()
    shutil.copy(shots / "shot0.png", tmp_path / "few")
    with pytest.raises(MediaError, match="1 of the 6 frames"):
        list(open_clip(video_run, source=str(tmp_path / "few")).pictures())


def test_labels_do_not_need_the_video(video_run: Path) -> None:
    clip = open_clip(video_run, source="gone.mkv")
    assert len(list(clip.frames())) == COUNT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"frames": 3}',
        "not json",
        json.dumps({"frames": [], "input": {}, "object_ids": []}),
    ],
)
def test_a_log_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "track.json").write_text(text)
    with pytest.raises(MediaError, match=r"track\.json"):
        open_clip(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"no track\.json"):
        open_clip(tmp_path)


def changed(run: Path, folder: Path, **facts: object) -> Path:
    shutil.copytree(run, folder)
    log = json.loads((folder / "track.json").read_text())
    (folder / "track.json").write_text(json.dumps(log | facts))
    return folder


def test_names_cannot_lead_out_of_the_folder(image_run: Path, tmp_path: Path) -> None:
    log = json.loads((image_run / "track.json").read_text())
    log["frames"][0]["name"] = "../../secret"
    with pytest.raises(MediaError, match="frame name"):
        open_clip(changed(image_run, tmp_path / "run", frames=log["frames"]))


def test_a_run_without_frames_is_refused(image_run: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no frame"):
        open_clip(changed(image_run, tmp_path / "run", frames=[]))


def test_masks_that_are_missing_or_of_another_size_are_named(
    image_run: Path, tmp_path: Path
) -> None:
    run = changed(image_run, tmp_path / "run")
    (run / "masks/shot3.png").unlink()
    with pytest.raises(ScoringError, match=r"shot3\.png"):
        list(open_clip(run).frames())
    log = json.loads((image_run / "track.json").read_text())
    log["input"]["size_hw"] = [SIZE_HW[0], SIZE_HW[1] + 1]
    other = changed(image_run, tmp_path / "other", input=log["input"])
    with pytest.raises(MediaError, match="a mask of 71 x 49"):
        list(open_clip(other).frames())


def test_an_address_in_a_log_is_not_fetched_unasked(image_run: Path, tmp_path: Path) -> None:
    log = json.loads((image_run / "track.json").read_text())
    hostile = {
        "input": log["input"] | {"path": "http://127.0.0.1:9/a.mp4"},
        "reading": {"allow_network": True},
    }
    run = changed(image_run, tmp_path / "run", **hostile)
    with pytest.raises(MediaError, match=r"an address in the log of a run.*name it by source"):
        next(open_clip(run).pictures())
    assert open_clip(run, source="http://127.0.0.1:9/b.mp4").reading.allow_network
