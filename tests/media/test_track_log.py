"""The log of a run: whole JSON, in the order of frames, or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from persam_vos.errors import OutputError
from persam_vos.files.atomic import AtomicFile
from persam_vos.media import track_log
from persam_vos.media.track_log import TrackLog, log_entry
from persam_vos.structures import Frame, ObjectResult, TrackedFrame


def entry(index: int) -> str:
    frame = Frame(index, f"{index:05d}", np.zeros((4, 6, 3), np.uint8), index / 3)
    seen = ObjectResult(7, (1, 1, 2, 2), 4, 0.876543)
    gone = ObjectResult(200, None, 0, 0.0)
    return log_entry(TrackedFrame(frame, np.zeros((4, 6), np.uint8), (seen, gone)))


def test_an_entry_says_what_and_where() -> None:
    assert json.loads(entry(1)) == {
        "index": 1,
        "name": "00001",
        "time_seconds": 0.333333,
        "objects": [
            {"id": 7, "box_xyxy": [1, 1, 2, 2], "area_px": 4, "score": 0.8765},
            {"id": 200, "box_xyxy": None, "area_px": 0, "score": 0.0},
        ],
    }


@pytest.mark.parametrize("facts", [{}, {"a": 1}, {"a": {"b": {}}, "c": "}"}], ids=str)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_facts_frames_and_ending_are_one_object(
    tmp_path: Path, facts: dict[str, Any], count: int
) -> None:
    log = TrackLog(tmp_path / "track.json", facts)
    for index in range(count):
        log.append(entry(index))
    assert not (tmp_path / "track.json").exists()
    log.close({"complete": True})
    frames = [json.loads(entry(index)) for index in range(count)]
    told = json.loads((tmp_path / "track.json").read_text())
    assert told == {**facts, "frames": frames, "complete": True}
    assert len(list(tmp_path.iterdir())) == 1


def indices(path: Path) -> list[int]:
    return [frame["index"] for frame in json.loads(path.read_text())["frames"]]


def test_held_entries_come_the_last_first(tmp_path: Path) -> None:
    log = TrackLog(tmp_path / "track.json", {})
    for index in (2, 1, 0):
        log.hold(entry(index))
    assert log.release() == 3
    assert log.release() == 0
    log.append(entry(3))
    log.close({"complete": True})
    assert indices(tmp_path / "track.json") == [0, 1, 2, 3]


def test_closing_releases_what_is_held_and_is_done_once(tmp_path: Path) -> None:
    log = TrackLog(tmp_path / "track.json", {})
    log.hold(entry(1))
    log.hold(entry(0))
    log.close({"complete": True})
    log.close({"complete": False})
    assert indices(tmp_path / "track.json") == [0, 1]
    assert json.loads((tmp_path / "track.json").read_text())["complete"] is True


def test_an_aborted_log_leaves_nothing(tmp_path: Path) -> None:
    log = TrackLog(tmp_path / "track.json", {})
    log.append(entry(0))
    log.hold(entry(1))
    log.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_log_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"track\.json: got no such folder"):
        TrackLog(tmp_path / "gone" / "track.json", {})


def test_a_log_that_cannot_be_moved_into_place_leaves_nothing_else(tmp_path: Path) -> None:
    log = TrackLog(tmp_path / "track.json", {})
    (tmp_path / "track.json").mkdir()
    with pytest.raises(OutputError, match=r"track\.json: got a folder of that name"):
        log.close({"complete": True})
    assert [path.name for path in tmp_path.iterdir()] == ["track.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("frames", [1, 2000], ids=["at the end", "in the middle"])
def test_a_full_disk_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    def on_full_disk(path: Path) -> AtomicFile:
        file = AtomicFile(path)
        file.temporary.unlink()
        file.temporary.symlink_to("/dev/full")
        return file

    monkeypatch.setattr(track_log, "AtomicFile", on_full_disk)
    log = TrackLog(tmp_path / "track.json", {"version": "0"})
    with pytest.raises(OutputError, match=r"track\.json: got a full disk"):
        for index in range(frames):
            log.append(entry(index))
        log.close({"complete": True})
    log.close({"complete": False})
    assert list(tmp_path.iterdir()) == []
