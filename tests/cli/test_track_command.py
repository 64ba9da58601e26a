"""`persam-vos track` as people run it: a process of its own, real weights, tiny clips."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import COMMAND, run_command
from demo_clip import DemoFrames, overlap
from PIL import Image

from persam_vos.demo import write_demo
from persam_vos.media.label_png import read_label_map, write_label_png
from persam_vos.media.reader import open_source

QUICK = ["--device", "cpu", "--without", "refinement"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, demo_frames: DemoFrames) -> Path:
    """A folder of two pictures, and masks of the astronaut and the coffee."""
    base = tmp_path_factory.mktemp("clip")
    (base / "frames").mkdir()
    for name, frame in zip(("take 9", "take 10"), demo_frames.frames, strict=False):
        Image.fromarray(frame.image).save(base / "frames" / f"{name}.png")
    labels = demo_frames.labels[0]
    for name, object_id in (("a", 2), ("b", 3)):
        binary = ((labels == object_id) * 255).astype(np.uint8)
        Image.fromarray(binary).save(base / f"{name}.png")
    write_label_png(base / "all.png", np.array([0, 1, 7, 200], np.uint8)[labels])
    return base


@pytest.fixture(scope="module")
def done(clip: Path) -> subprocess.CompletedProcess[str]:
    """A finished run in `clip/out`, quiet, with its result as JSON."""
    masks = ["--first-mask", "1=a.png", "--first-mask", "200=b.png"]
    return run_command(
        "track", "frames", *masks, *QUICK, "-o", "out", "--quiet", "--json", cwd=clip
    )


def log_of(folder: Path) -> dict[str, Any]:
    log: dict[str, Any] = json.loads((folder / "track.json").read_text())
    return log


def test_a_quiet_run_says_nothing_but_its_result(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["frame_count"] == 2
    assert facts["object_ids"] == [1, 200]
    assert facts["output"] == "out"
    assert facts["masks"] == str(Path("out/masks"))
    assert facts["warnings"] == []


@pytest.mark.usefixtures("done")
def test_masks_are_named_after_the_pictures_and_keep_the_given_ids(
    clip: Path, demo_frames: DemoFrames
) -> None:
    masks = {path.name: read_label_map(path) for path in (clip / "out/masks").iterdir()}
    assert set(masks) == {"take 9.png", "take 10.png"}
    given = np.array([0, 0, 1, 200], np.uint8)[demo_frames.labels[0]]
    np.testing.assert_array_equal(masks["take 9.png"], given)
    assert np.unique(masks["take 10.png"]).tolist() == [0, 1, 200]


@pytest.mark.usefixtures("done")
def test_nothing_but_results_is_left_in_the_output(clip: Path) -> None:
    assert {path.name for path in (clip / "out").iterdir()} == {
        "masks",
        "overlay.mp4",
        "track.json",
    }


@pytest.mark.usefixtures("done")
def test_the_log_tells_what_was_run_on_what(clip: Path) -> None:
    log = log_of(clip / "out")
    assert log["command"].startswith("persam-vos track frames --first-mask 1=a.png")
    assert log["complete"] is True
    assert log["weights"]["name"] == "mobile-sam"
    digests = [value for name, value in log["weights"].items() if name != "name"]
    assert digests
    assert all(len(digest) == 64 for digest in digests)
    assert (log["device"], log["dtype"], log["recipe"]) == ("cpu", "float32", "default")
    assert log["without"] == ["refinement"]
    assert log["input"]["size_hw"] == [480, 854]
    assert log["input"]["frame_count"] == log["frame_count"] == len(log["frames"]) == 2
    assert set(log["busy_seconds"]) == {"read", "encode", "track", "write"}
    assert log["peak_memory_bytes"] > 0
    assert log["wall_seconds"] > 0
    for frame, name in zip(log["frames"], ("take 9", "take 10"), strict=True):
        assert frame["name"] == name
        assert [one["id"] for one in frame["objects"]] == [1, 200]
        labels = read_label_map(clip / f"out/masks/{name}.png")
        for one in frame["objects"]:
            assert one["area_px"] == int((labels == one["id"]).sum())
            assert 0 <= one["score"] <= 1


@pytest.mark.usefixtures("done")
def test_results_are_replaced_only_with_overwrite_and_some_objects_can_be_chosen(
    clip: Path,
) -> None:
    again = ["track", "frames", "--first-mask", "all.png", "-o", "out", *QUICK]
    before = (clip / "out/track.json").read_bytes()
    refused = run_command(*again, cwd=clip)
    assert refused.returncode == 1
    assert "--overwrite" in refused.stderr
    assert (clip / "out/track.json").read_bytes() == before
    replaced = run_command(*again, "--overwrite", "--no-overlay", "--objects", "7,200", cwd=clip)
    assert replaced.returncode == 0, replaced.stderr
    assert "objects 7, 200" in replaced.stdout
    assert {path.name for path in (clip / "out").iterdir()} == {"masks", "track.json"}
    assert log_of(clip / "out")["object_ids"] == [7, 200]


def test_quality_chooses_the_size_that_the_encoder_sees(
    clip: Path, demo_frames: DemoFrames
) -> None:
    fast = ["--quality", "fast", "--no-overlay", "--device", "cpu"]
    ended = run_command("track", "frames", "--first-mask", "all.png", *fast, "-o", "fast", cwd=clip)
    assert (ended.returncode, ended.stderr) == (0, "")
    log = log_of(clip / "fast")
    assert (log["method"], log["image_size"]) == ("memory", 768)
    found = read_label_map(clip / "fast/masks/take 10.png")
    truth = np.array([0, 1, 7, 200], np.uint8)[demo_frames.labels[1]]
    assert all(overlap(found, truth, object_id) > 0.8 for object_id in (1, 7, 200))


def test_a_video_from_its_middle_has_masks_overlay_and_log_of_all_frames(tmp_path: Path) -> None:
    demo = write_demo(tmp_path, frame_count=5)
    truth = [read_label_map(demo.truth / f"{index:05d}.png") for index in range(5)]
    for name, labels in (("two", truth[2] == 2), ("three", truth[3] == 3)):
        Image.fromarray((labels * 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
    masks = ["--mask", "2:2=two.png", "--mask", "3:3=three.png"]
    ended = run_command("track", "clip.mp4", *masks, *QUICK, "-o", "out", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("5 frames, objects 2, 3, ")
    log = log_of(tmp_path / "out")
    assert (log["complete"], log["frame_count"], log["start_frame"]) == (True, 5, 2)
    assert [entry["name"] for entry in log["frames"]] == [f"{index:05d}" for index in range(5)]
    assert [len(entry["objects"]) for entry in log["frames"]] == [1, 1, 1, 2, 2]
    for index, labels in enumerate(truth):
        found = read_label_map(tmp_path / f"out/masks/{index:05d}.png")
        assert overlap(found, labels, 2) > 0.7
        assert (overlap(found, labels, 3) > 0.5) == (index >= 3)
    times = [frame.time_seconds for frame in open_source(tmp_path / "out/overlay.mp4")]
    assert times == pytest.approx([index / 24 for index in range(5)], abs=1e-3)


def test_a_profile_shows_every_stage_and_writes_a_trace(clip: Path) -> None:
    masks = ["--first-mask", "all.png"]
    shown = run_command("track", "frames", *masks, *QUICK, "-o", "profiled", "--profile", cwd=clip)
    assert shown.returncode == 0, shown.stderr
    table = shown.stdout.partition("ms per call")[2].splitlines()
    stages = [words[0] for line in table if len(words := line.split()) > 3]
    assert stages == [
        *("load", "read", "encode", "track", "decode", "features", "compose"),
        *("write", "masks", "overlay"),
    ]
    trace = json.loads((clip / "profiled/trace.json").read_text())["traceEvents"]
    assert set(stages) == {event["name"] for event in trace if event["ph"] == "X"}


def test_an_interrupt_keeps_finished_masks_and_leaves_no_other_file(
    clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "frames").mkdir()
    for index in range(200):
        picture = "take 9.png" if index % 2 else "take 10.png"
        os.link(clip / "frames" / picture, tmp_path / "frames" / f"{index}.png")
    command = ["track", "frames", "--first-mask", "2=mask.png", "-o", "out", *QUICK]
    (tmp_path / "mask.png").write_bytes((clip / "a.png").read_bytes())
    process = subprocess.Popen(
        [*COMMAND, *command],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # a shell's background job hands down SIGINT ignored, and the child would too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    second = tmp_path / "out/masks/1.png"
    deadline = time.monotonic() + 120
    while not second.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, b"")
    assert err.decode().splitlines() == [
        "persam-vos: stopping after this frame; once more to stop at once",
        "persam-vos: stopped; finished frames are kept; add --resume to go on",
    ]
    masks = sorted(int(path.stem) for path in (tmp_path / "out/masks").iterdir())
    assert masks == list(range(len(masks)))
    assert 2 <= len(masks) < 200
    for index in masks:
        assert read_label_map(tmp_path / f"out/masks/{index}.png").shape == (480, 854)
    log = log_of(tmp_path / "out")
    assert log["complete"] is False
    assert len(log["frames"]) == len(masks)
    assert not list(tmp_path.rglob(".part*"))
