"""Whole live runs, on the real network and small pictures: masks, counts, and every kind of end."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_clip import RememberingEngine
from live_sources import SIZE_HW, jpeg, piped, served, square, video_bytes
from media_clips import picture

from persam_vos import MethodSettings, Prompt, TrackRequest, track_to_folder
from persam_vos.errors import MaskError, MediaError, OutputError, UsageError
from persam_vos.live import LiveSettings, LiveSummary, RawFormat, track_live
from persam_vos.live.run import shown_command
from persam_vos.media.label_png import read_label_map
from persam_vos.media.reader import open_source

pytestmark = pytest.mark.usefixtures("no_thread_is_left")
FRAMES = 4
JPEGS = [jpeg(picture(index)) for index in range(FRAMES)]
RAW = RawFormat(SIZE_HW[1], SIZE_HW[0], "rgb24")


@pytest.fixture(scope="module")
def fast(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, settings=MethodSettings(image_size=256))


@pytest.fixture
def run(fast: RememberingEngine, tmp_path: Path) -> Callable[..., LiveSummary]:
    """Track what comes on a pipe, without dropping, to `out`."""

    def start(descriptor: int, request: dict[str, Any] | None = None, **given: Any) -> LiveSummary:
        calls = {name: given.pop(name) for name in ("on_frame", "on_start") if name in given}
        settings = LiveSettings(**{"stdin": descriptor, "drop": False, **given})
        asked = {"source": "-", "masks": square(), "output": tmp_path / "out", **(request or {})}
        return track_live(TrackRequest(**asked), settings, engine=fast, **calls)

    return start


def log_of(folder: Path) -> dict[str, Any]:
    log: dict[str, Any] = json.loads((folder / "track.json").read_text())
    return log


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "masks").iterdir())


def test_a_stream_has_the_masks_overlay_and_log_of_its_file(
    fast: RememberingEngine, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.ts"
    clip.write_bytes(video_bytes(FRAMES))
    asked = TrackRequest(source=clip, masks=square(), output=tmp_path / "file")
    whole = track_to_folder(asked, engine=fast)
    with served(clip.read_bytes()) as address:
        asked = replace(asked, source=address, output=tmp_path / "live")
        live = track_live(asked, LiveSettings(drop=False), engine=fast)
    assert (live.ending, live.object_ids) == ("end of the source", (7,))
    assert live.masks is not None
    assert names(tmp_path / "live") == names(tmp_path / "file")
    for name in names(tmp_path / "file"):
        found = read_label_map(live.masks / name)
        np.testing.assert_array_equal(found, read_label_map(whole.masks / name))
    logs = [log_of(tmp_path / name) for name in ("live", "file")]
    assert logs[0]["frames"] == logs[1]["frames"]
    times = [[one.time_seconds for one in open_source(tmp_path / name / "overlay.mp4")]
             for name in ("live", "file")]  # fmt: skip
    assert times[0] == times[1]


def test_the_log_and_the_summary_tell_what_became_of_the_frames(
    run: Callable[..., LiveSummary], tmp_path: Path
) -> None:
    with piped(*JPEGS) as descriptor:
        summary = run(descriptor, rate=10)
    counts, log = summary.counts, log_of(tmp_path / "out")
    assert (counts.received, counts.tracked, counts.dropped, counts.damaged) == (4, 4, 0, 0)
    assert 0 < counts.median_latency_seconds <= counts.p95_latency_seconds
    assert log["live"]["median_latency_seconds"] == counts.median_latency_seconds
    assert (log["complete"], log["ending"], log["frame_count"]) == (True, "end of the source", 4)
    assert (log["input"]["path"], log["input"]["size_hw"]) == ("stdin", [*SIZE_HW])
    assert [frame["time_seconds"] for frame in log["frames"]] == [0, 0.1, 0.2, 0.3]
    assert (log["drop"], log["object_ids"]) == (False, [7])


def test_a_slow_run_drops_frames_and_keeps_their_numbers(
    run: Callable[..., LiveSummary], tmp_path: Path
) -> None:
    """All frames but the first come before that is tracked: the last one is the newest."""
    source, target = os.pipe()

    def send_the_rest(_: object) -> None:
        os.write(target, b"".join(JPEGS[1:]))
        os.close(target)
        while any(one.name == "persam-vos-capture" for one in threading.enumerate()):
            time.sleep(0.001)

    os.write(target, JPEGS[0])
    summary = run(source, drop=True, on_start=send_the_rest)
    os.close(source)
    counts = summary.counts
    assert (counts.received, counts.tracked, counts.dropped) == (4, 2, 2)
    assert names(tmp_path / "out") == ["00000.png", "00003.png"]
    assert [frame["index"] for frame in log_of(tmp_path / "out")["frames"]] == [0, 3]


def test_masks_go_to_a_pipe_alone(run: Callable[..., LiveSummary], tmp_path: Path) -> None:
    source, target = os.pipe()
    with piped(*JPEGS) as descriptor:
        summary = run(descriptor, {"output": None}, pipe=target)
    os.close(target)
    with os.fdopen(source, "rb") as reader:
        labels = np.frombuffer(reader.read(), np.uint8).reshape(-1, *SIZE_HW)
    assert len(labels) == FRAMES
    np.testing.assert_array_equal(labels[0], square())
    assert (summary.masks, summary.log, [*tmp_path.iterdir()]) == (None, None, [])


def test_a_reader_that_goes_away_ends_the_run_with_whole_files(
    run: Callable[..., LiveSummary], tmp_path: Path
) -> None:
    source, target = os.pipe()
    os.close(source)
    with piped(*JPEGS) as descriptor:
        summary = run(descriptor, pipe=target)
    os.close(target)
    log = log_of(tmp_path / "out")
    assert (summary.ending, log["ending"], log["complete"]) == (*["pipe closed"] * 2, True)
    assert len(list(open_source(tmp_path / "out/overlay.mp4"))) == len(names(tmp_path / "out"))


def test_an_interrupt_is_a_regular_end(run: Callable[..., LiveSummary], tmp_path: Path) -> None:
    source, target = os.pipe()

    def interrupt(_: object) -> None:
        os.close(target)
        raise KeyboardInterrupt

    os.write(target, JPEGS[0])
    summary = run(source, on_frame=interrupt)
    os.close(source)
    log = log_of(tmp_path / "out")
    assert (summary.ending, log["ending"], log["complete"]) == (*["interrupted"] * 2, True)
    assert names(tmp_path / "out") == ["00000.png"]
    assert len(list(open_source(tmp_path / "out/overlay.mp4"))) == 1


BROKEN: dict[str, tuple[list[bytes], dict[str, Any], str]] = {
    "another size": (
        [*JPEGS[:2], jpeg(picture(2, (32, 48)))],
        {},
        "stdin, frame 2: got a picture of 48 x 32, expected 96 x 64, as the first",
    ),
    "an end in the middle": (
        [picture(0).tobytes(), picture(1).tobytes(), b"rest"],
        {"raw": RAW},
        "stdin: got 4 bytes after 2 frames",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_breaks_off_keeps_what_was_finished(
    run: Callable[..., LiveSummary], tmp_path: Path, case: str
) -> None:
    parts, settings, words = BROKEN[case]
    with piped(*parts) as descriptor, pytest.raises(MediaError) as caught:
        run(descriptor, **settings)
    assert words in str(caught.value)
    log = log_of(tmp_path / "out")
    assert (log["complete"], log["live"]["tracked"]) == (False, 2)
    assert words in log["ending"]
    assert names(tmp_path / "out") == ["00000.png", "00001.png"]
    assert len(list(open_source(tmp_path / "out/overlay.mp4"))) == 2


def test_a_source_that_stalls_keeps_what_was_finished(
    fast: RememberingEngine, tmp_path: Path
) -> None:
    with served(video_bytes(40), hold=True) as address:
        asked = TrackRequest(source=address, masks=square(), output=tmp_path / "out")
        with pytest.raises(MediaError, match="got no frame for 1 s"):
            track_live(asked, LiveSettings(stall_timeout=1), engine=fast)
    log = log_of(tmp_path / "out")
    assert log["complete"] is False
    assert len(names(tmp_path / "out")) == log["live"]["tracked"] >= 1
    # MPEG-TS knows that a frame is whole when the next one begins.
    assert log["live"]["received"] == 39


def test_a_damaged_picture_is_passed_over_and_counted(
    run: Callable[..., LiveSummary], tmp_path: Path
) -> None:
    damaged = JPEGS[1][: len(JPEGS[1]) // 2]
    with piped(JPEGS[0], damaged, JPEGS[2]) as descriptor:
        counts = run(descriptor).counts
    assert (counts.received, counts.tracked, counts.damaged) == (3, 2, 1)
    assert names(tmp_path / "out") == ["00000.png", "00002.png"]


def test_a_box_shows_the_object_on_the_first_frame(
    run: Callable[..., LiveSummary], tmp_path: Path
) -> None:
    box = Prompt(object_id=3, box_xyxy=(0, 0, 24, 16))
    with piped(*JPEGS[:2]) as descriptor:
        summary = run(descriptor, {"masks": None, "prompts": {0: [box]}})
    assert summary.object_ids == (3,)
    assert set(np.unique(read_label_map(tmp_path / "out/masks/00000.png"))) == {0, 3}


def test_what_is_wrong_from_the_start_leaves_nothing(
    run: Callable[..., LiveSummary], tmp_path: Path
) -> None:
    with piped(b"garbage" * 9000) as descriptor, pytest.raises(MediaError, match="stdin: got "):
        run(descriptor)
    with piped(*JPEGS) as descriptor, pytest.raises(MaskError, match="a mask of 10 x 10"):
        run(descriptor, {"masks": np.ones((10, 10), np.uint8)})
    with pytest.raises(UsageError, match="source: got 'clip"):
        run(0, {"source": "clip.mp4"})
    assert [*tmp_path.iterdir()] == []
    (tmp_path / "out").mkdir()
    (tmp_path / "out/track.json").write_text("mine")
    with piped(*JPEGS) as descriptor, pytest.raises(OutputError, match=r"output='.*out': got "):
        run(descriptor)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["track.json"]


def test_a_password_is_not_in_the_log() -> None:
    source = "rtsp://me:secret@cam/1"
    asked = TrackRequest(
        source=source, masks="m.png", command=f"persam-vos track --source {source}"
    )
    assert shown_command(asked) == "persam-vos track --source rtsp://me:***@cam/1"
    stdin = replace(asked, source="-", command="persam-vos track --source -")
    assert shown_command(stdin) == stdin.command
