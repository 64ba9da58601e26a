"""The state of a run: what goes with it, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from persam_vos.errors import OutputError
from persam_vos.media.run_state import remove_state

OWN = (
    *("run.json", "names.txt", "forward.jsonl", "forward-done.json", ".part-00.safetensors"),
    *("backward-00000004.safetensors", "overlay/000000.mp4", "overlay/000000.json"),
)


def made(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def test_a_state_goes_with_its_folder(tmp_path: Path) -> None:
    made(tmp_path / ".resume", *OWN)
    remove_state(tmp_path / ".resume")
    remove_state(tmp_path / ".resume")
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_did_not_write_stays(tmp_path: Path) -> None:
    made(tmp_path / ".resume", *OWN, "notes.txt")
    remove_state(tmp_path / ".resume")
    assert [path.name for path in (tmp_path / ".resume").iterdir()] == ["notes.txt"]


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    with pytest.raises(OutputError, match=rf"cannot write {tmp_path}"):
        remove_state(tmp_path)
