"""Which files of a clip's folder are a run's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from persam_vos.errors import OutputError
from persam_vos.evaluation.clip_file import (
    CLIP_FILE,
    begin_clip,
    check_own,
    finish_clip,
    read_clip,
    remove_own,
)
from persam_vos.media.label_png import write_label_png

LABELS = np.eye(8, dtype=np.uint8)
MASKS = ("00000.png", "00001.png")


def finished(folder: Path) -> Path:
    begin_clip(folder, MASKS)
    for name in MASKS:
        write_label_png(folder / name, LABELS)
    finish_clip(folder, {"fingerprint": {}, "facts": {"frame_count": 2}})
    return folder


def test_a_clip_is_finished_when_its_masks_are_there(tmp_path: Path) -> None:
    begin_clip(tmp_path / "clip", MASKS)
    assert read_clip(tmp_path / "clip") is None
    kept = read_clip(finished(tmp_path / "clip"))
    assert kept is not None
    assert kept["files"] == list(MASKS)


@pytest.mark.parametrize("killed", [False, True])
def test_what_a_run_wrote_is_removed_and_nothing_else(tmp_path: Path, killed: bool) -> None:
    if killed:
        begin_clip(tmp_path, MASKS)
        write_label_png(tmp_path / MASKS[0], LABELS)
    else:
        finished(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    remove_own(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_masks_of_earlier_versions_are_known_by_their_digest(tmp_path: Path) -> None:
    kept = json.loads((finished(tmp_path) / CLIP_FILE).read_text())
    del kept["files"]
    (tmp_path / CLIP_FILE).write_text(json.dumps(kept))
    assert {path.name for path in check_own(tmp_path)} == {*MASKS, CLIP_FILE}
    write_label_png(tmp_path / MASKS[0], LABELS[::-1])
    with pytest.raises(OutputError, match="no earlier run lists"):
        check_own(tmp_path)


@pytest.mark.parametrize("listing", [None, "[]", "{", '{"version": 1, "files": ["a.png"]}'])
def test_masks_that_no_run_lists_are_kept(tmp_path: Path, listing: str | None) -> None:
    write_label_png(tmp_path / "mine.png", LABELS)
    if listing is not None:
        (tmp_path / CLIP_FILE).write_text(listing)
    for action in (check_own, remove_own, lambda folder: begin_clip(folder, MASKS)):
        with pytest.raises(OutputError, match=r"no earlier run lists as its own: .*mine\.png"):
            action(tmp_path)
    assert (tmp_path / "mine.png").exists()


def test_inputs_are_kept(tmp_path: Path) -> None:
    finished(tmp_path)
    with pytest.raises(OutputError, match=r"00001\.png is an input"):
        check_own(tmp_path, [tmp_path / "00001.png"])
