"""Runs into a folder that stop and go on: the results are those of one run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from demo_clip import DemoFrames, RememberingEngine
from PIL import Image

from persam_vos import TrackRequest, TrackSummary, track_to_folder
from persam_vos.errors import CheckpointError, OutputError, StoppedError
from persam_vos.media.label_png import write_label_png
from persam_vos.runtime.ordered_writer import OrderedWriter
from persam_vos.tracking import checkpoints, drive

HOST_FACTS = ("wall_seconds", "busy_seconds", "peak_memory_bytes", "not_captured")
SMALL = (214, 120)


@pytest.fixture(scope="module")
def small(engine: RememberingEngine) -> RememberingEngine:
    return replace(engine, settings=replace(engine.settings, image_size=256, small_side=0))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, demo_frames: DemoFrames) -> Path:
    """The frames of the demo clip and its first two once more, small, with their masks."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / "frames").mkdir()
    for index, number in enumerate((0, 1, 2, 3, 1, 0)):
        image = cv2.resize(demo_frames.frames[number].image, SMALL)
        Image.fromarray(image).save(folder / f"frames/{index:05d}.png")
        labels = cv2.resize(demo_frames.labels[number], SMALL, interpolation=cv2.INTER_NEAREST)
        write_label_png(folder / f"{index}.png", np.where(labels < 3, labels, 0).astype(np.uint8))
        write_label_png(folder / f"third{index}.png", (3 * (labels == 3)).astype(np.uint8))
    return folder


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is written when it is taken: how quick a disk is makes no difference."""
    monkeypatch.setattr(checkpoints, "MOST_OF_RUN", 1e9)
    monkeypatch.setattr(drive, "OrderedWriter", partial(OrderedWriter, pending=0))


@pytest.fixture
def asked(clip: Path, tmp_path: Path) -> TrackRequest:
    """Both directions from frame 2, a checkpoint after each frame."""
    return TrackRequest(
        source=clip / "frames",
        masks=clip / "2.png",
        start_frame=2,
        output=tmp_path / "out",
        checkpoint_every=1e-9,
        keep_checkpoints=9,
    )


@pytest.fixture(scope="module")
def whole(
    clip: Path, small: RememberingEngine, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What an uninterrupted run writes, without a checkpoint."""
    output = tmp_path_factory.mktemp("whole") / "out"
    masks = clip / "2.png"
    request = TrackRequest(
        source=clip / "frames", masks=masks, start_frame=2, output=output, checkpoint_every=0
    )
    track_to_folder(request, engine=small)
    assert not (output / ".resume").exists()
    return results(output)


def results(output: Path) -> dict[str, Any]:
    """The content of each result."""
    found: dict[str, Any] = {}
    for path in output.rglob("*"):
        name = path.relative_to(output).as_posix()
        if path.is_file() and not name.startswith(".resume"):
            found[name] = path.read_bytes()
    log = json.loads(found["track.json"])
    found["track.json"] = {name: log[name] for name in log if name not in HOST_FACTS}
    return found


def stopping_after(frames: int) -> Callable[[], bool]:
    """Ask to stop when so many frames were tracked."""
    asked = iter([False] * (frames - 1))
    return lambda: next(asked, True)


def go_on(request: TrackRequest, engine: RememberingEngine, **changes: Any) -> TrackSummary:
    return track_to_folder(replace(request, resume=True, **changes), engine=engine)


def written(output: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in (output / "masks").iterdir()}


@pytest.mark.parametrize("frames", [pytest.param(2, marks=pytest.mark.slow), 5])
def test_a_run_that_stopped_goes_on_to_the_same_results(
    asked: TrackRequest, small: RememberingEngine, whole: dict[str, Any], frames: int
) -> None:
    with pytest.raises(StoppedError, match="finished frames are kept; add resume=True to go on"):
        track_to_folder(asked, engine=small, should_stop=stopping_after(frames))
    log = json.loads((asked.folder / "track.json").read_text())
    assert not log["complete"] and 0 < len(log["frames"]) < 6
    with pytest.raises(OutputError, match="add resume=True"):
        track_to_folder(asked, engine=small)
    before = written(asked.folder)
    summary = go_on(asked, small)
    assert summary.frame_count == 6
    assert summary.kept_count == len(before) == len(log["frames"])
    assert before.items() <= written(asked.folder).items(), "none is written again"
    assert results(asked.folder) == whole
    again = go_on(asked, small)
    assert again.note == "nothing to do: the run is finished"
    assert (again.frame_count, again.object_ids) == (6, (1, 2))


def test_corrections_write_only_what_they_can_change(
    clip: Path, asked: TrackRequest, small: RememberingEngine, tmp_path: Path
) -> None:
    track_to_folder(asked, engine=small)
    before = written(asked.folder)
    corrected = replace(asked, later_masks={4: clip / "third4.png"})
    summary = go_on(corrected, small)
    assert summary.note.startswith("masks of frame 4 changed; 4 frames are kept")
    after = written(asked.folder)
    assert {name for name, when in after.items() if before[name] != when} == {"00004", "00005"}
    track_to_folder(replace(corrected, output=tmp_path / "other"), engine=small)
    assert results(asked.folder) == results(tmp_path / "other")


def test_changes_are_named_and_touch_nothing(asked: TrackRequest, small: RememberingEngine) -> None:
    with pytest.raises(StoppedError):
        track_to_folder(asked, engine=small, should_stop=stopping_after(1))
    before = {path: path.read_bytes() for path in asked.folder.rglob("*") if path.is_file()}
    with pytest.raises(CheckpointError, match="differs in direction: got backward"):
        go_on(asked, small, direction="backward")
    assert {path: path.read_bytes() for path in asked.folder.rglob("*") if path.is_file()} == before


def test_a_finished_run_gets_exports_and_another_overlay_without_tracking(
    asked: TrackRequest, small: RememberingEngine, whole: dict[str, Any]
) -> None:
    track_to_folder(asked, engine=small)
    before = written(asked.folder)
    assert [path.name for path in go_on(asked, small, exports=["coco"]).exports] == ["coco.json"]
    go_on(asked, small, overlay=False, exports=["coco"], keep_checkpoints=0)
    assert written(asked.folder) == before
    found = results(asked.folder)
    assert whole.keys() ^ found.keys() == {"overlay.mp4", "exports/coco.json"}
    assert not (asked.folder / ".resume").exists()


@pytest.mark.slow
def test_soft_masks_and_a_region_go_on_too(
    asked: TrackRequest, small: RememberingEngine, tmp_path: Path
) -> None:
    from persam_vos.media.region import Region

    request = replace(asked, keep_alpha=True, roi=Region(4, 4, 200, 112), direction="forward")
    with pytest.raises(StoppedError):
        track_to_folder(request, engine=small, should_stop=stopping_after(2))
    go_on(request, small)
    track_to_folder(replace(request, output=tmp_path / "whole"), engine=small)
    assert results(request.folder) == results(tmp_path / "whole")
