"""Where a run goes on, by what is there of it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from persam_vos.errors import CheckpointError
from persam_vos.media.run_state import Kept
from persam_vos.media.track_log import Half, TrackLog
from persam_vos.tracking.resume import (
    Resumption,
    checkpoint_path,
    done_mark,
    find_resumption,
    told,
)
from persam_vos.tracking.target_refind import FoundAgain

IDENTITY: dict[str, Any] = {
    "start_frame": 4,
    "direction": "both",
    "keep_alpha": False,
    "overlay": [0.5, False],
    "exports": [],
    "masks": {"4": "a"},
}
FOUND = [FoundAgain(5, 1, 0.99)]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A run that was killed: frames 4 to 0 are done, then 5 to 9 of more; a checkpoint after 3."""
    state = tmp_path / ".resume"
    (tmp_path / "masks").mkdir()
    with closing(TrackLog(state)) as log:
        for index in range(4, -1, -1):
            add(tmp_path, log, "backward", index)
        for index in range(5, 10):
            add(tmp_path, log, "forward", index)
    (state / "run.json").write_text(json.dumps(IDENTITY))
    done_mark(state, "backward").write_text(json.dumps({"count": 5, "found": told([])}))
    for count in (2, 4):
        checkpoint(tmp_path, "backward", count)
        checkpoint(tmp_path, "forward", count - 1)
    return tmp_path


def add(output: Path, log: TrackLog, half: Half, index: int) -> None:
    (output / f"masks/{index:05d}.png").write_text("mask")
    log.append(half, json.dumps({"index": index, "name": f"{index:05d}", "objects": []}))


def checkpoint(output: Path, half: Half, count: int) -> None:
    path = checkpoint_path(output / ".resume", half, count)
    save_file({"a": torch.zeros(1)}, path, {"run": told(FOUND)})


def resumption(output: Path, **changes: Any) -> Resumption:
    return find_resumption(output, IDENTITY | changes, has_backward=True, anyway=False)


def test_a_killed_run_goes_on_behind_its_last_checkpoint(output: Path) -> None:
    found = resumption(output)
    assert found.kept == Kept(backward=5, forward=3, pictures=8)
    assert found.start("backward").complete and not found.start("forward").complete
    assert found.start("forward").checkpoint == output / ".resume/forward-00000003.safetensors"
    assert found.start("forward").found == tuple(FOUND)
    assert found.note == "8 frames are kept; going on forward behind 3 of them"


@pytest.mark.parametrize(
    ("masks", "expected"),
    [
        ({"4": "a", "7": "b"}, Kept(5, 1, 6)),
        ({"4": "a", "5": "b"}, Kept(5, 0, 5)),
        ({"4": "a", "1": "b"}, Kept(2, 3, 0)),
        ({"4": "b"}, Kept(0, 0, 0)),
    ],
    ids=str,
)
def test_corrections_keep_what_they_cannot_change(
    output: Path, masks: dict[str, str], expected: Kept
) -> None:
    found = resumption(output, masks=masks)
    assert found.kept == expected
    assert found.note.startswith("masks of frame ")
    for half, start in found.halves.items():
        assert start.complete == (done_mark(output / ".resume", half) not in start.stale)
        assert start.checkpoint not in start.stale


def test_a_mask_that_is_gone_is_made_again(output: Path) -> None:
    (output / "masks/00003.png").unlink()
    (output / "masks/00007.png").write_text("")
    assert resumption(output).kept == Kept(0, 1, 0), "of the second frame backwards, none before"


@pytest.mark.parametrize("damage", [b"", b"\x89PNG" * 100], ids=["empty", "another kind"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(output: Path, damage: bytes) -> None:
    path = checkpoint_path(output / ".resume", "forward", 3)
    path.write_bytes(damage)
    found = resumption(output)
    assert found.kept == Kept(5, 1, 6)
    assert path in found.stale


def test_without_checkpoints_a_half_begins_again(output: Path) -> None:
    for path in (output / ".resume").glob("forward-*.safetensors"):
        path.unlink()
    assert resumption(output).kept == Kept(5, 0, 5)


def test_another_overlay_is_drawn_again_and_nothing_else(output: Path) -> None:
    assert resumption(output, overlay=None).kept == Kept(5, 3, 0)


def test_where_nothing_is_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    found = resumption(tmp_path)
    assert (found.kept, found.note.split(":")[0]) == (Kept(), "nothing to go on with")
    assert list(tmp_path.iterdir()) == []


def log_of_a_run(output: Path, **facts: Any) -> None:
    (output / "track.json").write_text(json.dumps({"frames": [], **facts}))


def test_a_finished_run_is_told_by_its_log(tmp_path: Path) -> None:
    log_of_a_run(tmp_path, complete=True, identity=IDENTITY)
    assert resumption(tmp_path).finished
    assert not resumption(tmp_path, overlay=None).finished
    corrected = resumption(tmp_path, masks={"4": "b"})
    assert (corrected.finished, corrected.kept) == (False, Kept())
    log_of_a_run(tmp_path, complete=False, identity=IDENTITY)
    assert not resumption(tmp_path).finished


def test_a_run_that_says_not_what_it_is_of_is_refused(tmp_path: Path) -> None:
    log_of_a_run(tmp_path, complete=True)
    with pytest.raises(CheckpointError, match="nobody wrote down what it is of"):
        resumption(tmp_path)
