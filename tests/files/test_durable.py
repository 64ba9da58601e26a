"""What is to outlast a power cut can only be asked for: that it is, and that refusals are told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from persam_vos.files.durable import sync_file, sync_folder


def test_files_and_folders_are_handed_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda one: synced.append(os.fstat(one).st_ino))
    (tmp_path / "a").write_text("a")
    sync_file(tmp_path / "a")
    sync_folder(tmp_path)
    assert synced == [(tmp_path / "a").stat().st_ino, tmp_path.stat().st_ino]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for sync in (sync_file, sync_folder):
        with pytest.raises(FileNotFoundError):
            sync(tmp_path / "none")
