"""The log of a run: whole JSON, in the order of frames, or nothing."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from persam_vos.errors import OutputError
from persam_vos.media import track_log
from persam_vos.media.track_log import TrackLog, listed_files, log_entry, read_log
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


def written(log: TrackLog, path: Path, **facts: Any) -> dict[str, Any]:
    log.write(path, facts, {"complete": True})
    log.close()
    told: dict[str, Any] = json.loads(path.read_text())
    return told


@pytest.mark.parametrize("facts", [{}, {"a": 1}, {"a": {"b": {}}, "c": "}"}], ids=str)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_facts_frames_and_ending_are_one_object(
    tmp_path: Path, facts: dict[str, Any], count: int
) -> None:
    log = TrackLog(tmp_path / "state")
    for index in range(count):
        log.append("forward", entry(index))
    frames = [json.loads(entry(index)) for index in range(count)]
    assert written(log, tmp_path / "track.json", **facts) == {
        **facts,
        "frames": frames,
        "complete": True,
    }
    assert {path.name for path in tmp_path.iterdir()} == {"state", "track.json"}


def test_frames_of_a_backward_half_come_first_the_last_one_first(tmp_path: Path) -> None:
    log = TrackLog(tmp_path)
    for index in (2, 1, 0):
        log.append("backward", entry(index))
    log.append("forward", entry(3))
    assert (len(log), log.count("backward"), log.entry(0)["index"]) == (4, 3, 0)
    assert [one["index"] for one in log.entries("backward")] == [2, 1, 0]
    told = written(log, tmp_path / "track.json")
    assert [frame["index"] for frame in told["frames"]] == [0, 1, 2, 3]


def test_what_a_killed_run_left_is_there_but_for_half_a_line(tmp_path: Path) -> None:
    with closing(TrackLog(tmp_path)) as log:
        for index in range(3):
            log.begin(f"{index:05d}")
            log.append("forward", entry(index))
    with (tmp_path / "forward.jsonl").open("a") as file:
        file.write('{"index": 3, "na')
    with closing(TrackLog(tmp_path)) as again:
        assert again.count("forward") == 3
        again.cut("forward", 2)
        again.begin("00002")
        again.append("forward", entry(2))
        again.sync()
        assert [one["index"] for one in again.entries("forward")] == [0, 1, 2]
    assert (tmp_path / "names.txt").read_text().split() == ["00000", "00001", "00002", "00002"]


def test_files_of_an_earlier_run_are_known_finished_or_killed(tmp_path: Path) -> None:
    log = TrackLog(tmp_path / "state")
    log.begin("00007")
    alpha = tmp_path / "alpha/1/00007.png"
    mine = tmp_path / "alpha/1/mine.png"
    listed = listed_files(tmp_path, "track.json", "masks", "state", [alpha, mine])
    assert listed == {tmp_path / "masks/00007.png", alpha}
    log.append("forward", entry(3))
    written(log, tmp_path / "track.json", files=["overlay.mp4", "../elsewhere"])
    listed = listed_files(tmp_path, "track.json", "masks", "gone")
    names = {"track.json", "overlay.mp4", "masks/00003.png"}
    assert listed == {tmp_path / name for name in names}
    assert read_log(tmp_path / "track.json")["frames"][0]["index"] == 3
    assert read_log(tmp_path / "none") == {}


def test_a_log_where_a_file_is_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("mine")
    with pytest.raises(OutputError, match="got a file where a folder is needed"):
        TrackLog(tmp_path / "state")
    (tmp_path / "track.json").mkdir()
    with (
        closing(TrackLog(tmp_path / "other")) as log,
        pytest.raises(OutputError, match=r"track\.json: got a folder of that name"),
    ):
        log.write(tmp_path / "track.json", {}, {"complete": True})
    assert {path.name for path in tmp_path.iterdir()} == {"state", "other", "track.json"}


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(track_log._Lines, "append", refuse)
    with (
        closing(TrackLog(tmp_path)) as log,
        pytest.raises(OutputError, match=r"forward\.jsonl: got a full disk"),
    ):
        log.append("forward", entry(0))


def test_a_name_of_bytes_that_are_no_text_is_listed_as_begun(tmp_path: Path) -> None:
    name = "a\udcff"
    with closing(TrackLog(tmp_path / ".resume")) as log:
        log.begin(name)
    (tmp_path / "masks").mkdir()
    (tmp_path / f"masks/{name}.png").touch()
    assert tmp_path / f"masks/{name}.png" in listed_files(
        tmp_path, "track.json", "masks", ".resume"
    )
