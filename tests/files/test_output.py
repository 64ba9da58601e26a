"""Checks of an output folder before anything is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from persam_vos.errors import OutputError
from persam_vos.files.output import refuse_existing, refuse_unwritable

NAMES = ("masks", "overlay.mp4", "track.json")


def test_a_folder_without_these_names_is_fine(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "masks").mkdir()
    refuse_existing(tmp_path, NAMES)
    refuse_existing(tmp_path / "gone", NAMES)
    refuse_existing(tmp_path / "notes.txt", NAMES)


def test_all_that_is_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "00000.png").write_text("mine")
    (tmp_path / "track.json").write_text("mine")
    with pytest.raises(OutputError) as caught:
        refuse_existing(tmp_path, NAMES, expected="a new folder")
    assert str(caught.value) == (
        f"output='{tmp_path}': got a folder that already holds masks, track.json, "
        "expected a new folder; choose another folder, or add overwrite=True to replace them"
    )


def test_a_folder_that_is_or_can_be_made_is_fine(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path)
    refuse_unwritable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(OutputError, match="got a file where a folder is needed"):
            refuse_unwritable(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission"):
        refuse_unwritable(tmp_path / "out")
